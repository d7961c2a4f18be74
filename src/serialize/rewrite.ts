/** Small changes to a function's text, so that it means elsewhere what it means in its file. */

import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import MagicString from 'magic-string'
import { type FreeNames, isNameBlock } from './free-names.ts'
import type { FunctionSource } from './function-text.ts'
import { layOut } from './layout.ts'
import type { Layout } from './source-place.ts'

/** What `import(…)` becomes: a function of the module's own address. */
export const IMPORT_NAME = '__itsparallel_import'
/** Opens the text in which a strict function is evaluated. */
export const STRICT_HEAD = `(function (${IMPORT_NAME}) {"use strict";`
/** What a method's key becomes: it may be computed, and from variables. */
export const METHOD_NAME = 'method'

/**
 * @param url - address of the module, for `import.meta` and `import(…)`.
 * @param layout - for compiled text: the author's line of each line.
 */
export function rewriteSource(
  source: FunctionSource,
  free: FreeNames,
  name: string,
  url = '',
  layout?: Layout,
): { source: string; base?: string } {
  const text = new MagicString(source.text)
  const base = baseOf(url)
  for (const { start, end } of free.metas) text.overwrite(start, end, metaText(base))
  for (const { start } of free.imports) text.overwrite(start, start + 'import'.length, IMPORT_NAME)
  if (source.node.type === 'ClassExpression') {
    for (const member of source.node.body.body)
      if (isNameBlock(member))
        text.overwrite(member.start, member.end, breaksOf(source.text.slice(member.start, member.end)))
  }
  if (source.key !== undefined) text.overwrite(source.key.start, source.key.end, keyText(name))
  // Lines do not change: what is replaced is replaced by text without line breaks.
  const rewritten = text.toString()
  return {
    source: layout === undefined ? rewritten : layOut(rewritten, source.form, layout),
    ...(free.imports.length > 0 && { base }),
  }
}

/** The line breaks of a text, to stand for it. */
function breaksOf(text: string): string {
  return `;${text.replace(/[^\n]/g, '')}`
}

function baseOf(url: string): string {
  if (url.startsWith('/')) return pathToFileURL(url).href
  return url
}

function metaText(base: string): string {
  if (!base.startsWith('file:')) return `({url:${JSON.stringify(base)}})`
  const filename = fileURLToPath(base)
  return `(${JSON.stringify({ url: base, filename, dirname: dirname(filename) })})`
}

function keyText(name: string): string {
  const plain = name.replace(/^[gs]et /, '')
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(plain) ? plain : METHOD_NAME
}
