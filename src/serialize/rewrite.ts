/** Small changes to a function's text, so that it means elsewhere what it means in its file. */

import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { AnyNode } from 'acorn'
import { type FreeName, type FreeNames, isNameBlock, type NameUse, type Range } from './free-names.ts'
import type { FunctionSource } from './function-text.ts'
import { layOut } from './layout.ts'
import type { Layout } from './source-place.ts'
import { TextEdits } from './text-edits.ts'

/** What `import(…)` becomes: a function of the module's own address. */
export const IMPORT_NAME = '__itsparallel_import'
/** Opens the text in which a strict function is evaluated. */
export const STRICT_HEAD = `(function (${IMPORT_NAME}) {"use strict";`
/** What a class extends, whatever expression said so in its file. */
export const SUPER_NAME = '__itsparallel_super'
/** What a method's key becomes: it may be computed, and from variables. */
const METHOD_NAME = 'method'

/**
 * @param url - address of the module, for `import.meta` and `import(…)`.
 * @param layout - for compiled text: where its author wrote what.
 */
export function rewriteSource(
  source: FunctionSource,
  free: FreeNames,
  name: string,
  url = '',
  layout?: Layout,
  cells: readonly FreeName[] = [],
): { source: string; base?: string } {
  const text = new TextEdits(source.text)
  const base = baseOf(url)
  const fixed: Range[] = []
  const replace = (start: number, end: number, by: string): void => {
    text.replace(start, end, by)
    fixed.push({ start, end })
  }
  for (const { start, end } of free.metas) replace(start, end, metaText(base))
  for (const { start, end } of free.imports) replace(start, end, IMPORT_NAME)
  for (const { start, end } of nameBlocks(source))
    replace(start, end, breaksOf(source.text.slice(start, end)))
  if (source.key !== undefined) replace(source.key.start, source.key.end, keyText(name))
  const heritage = heritageOf(source)
  if (heritage !== undefined) replace(heritage.start, heritage.end, SUPER_NAME)
  for (const { name: variable, uses } of cells) {
    for (const { start, end, as } of uses) replace(start, end, cellText(variable, as))
  }
  if (layout !== undefined) layOut(text, source, layout, fixed)
  return { source: text.toString(), ...(free.imports.length > 0 && { base }) }
}

/** What a class extends, unless it is nothing. */
export function heritageOf({ node }: FunctionSource): AnyNode | undefined {
  if (node.type !== 'ClassExpression' || node.superClass == null) return undefined
  const heritage = node.superClass as AnyNode
  return heritage.type === 'Literal' ? undefined : heritage
}

function cellText(variable: string, as: NameUse['as']): string {
  if (as === 'callee') return `${variable}.get()`
  return as === 'shorthand' ? `${variable}: ${variable}.$` : `${variable}.$`
}

function nameBlocks({ node }: FunctionSource): Range[] {
  return node.type === 'ClassExpression' ? node.body.body.filter(member => isNameBlock(member)) : []
}

/** The line breaks of a text, to stand for it. */
function breaksOf(text: string): string {
  return `;${text.replace(/[^\n]/g, '')}`
}

/** A script's address, which may be a path. */
export function baseOf(url: string): string {
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
