/** Where a function stands in the file that its author wrote. */

import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Inspected, Script } from './inspector.ts'
import { LruMap } from './lru-map.ts'

/** For text that a compiler made: the author's place for a place in it, where known. All counted from 0. */
export type Layout = (
  line: number,
  column: number,
) => { readonly line: number; readonly column: number } | undefined

export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Present when the text is not as the author wrote it. */
  readonly layout?: Layout
}

const MAPS_MAX = 32
const maps = new LruMap<string, SourceMap | 'none'>(MAPS_MAX)

/** @param text - the function's own text, which V8's place lies in. */
export function placeOf(text: string, script: Script | undefined, inspected: Inspected): Place {
  if (script === undefined) return { file: '', line: 0, column: 0 }
  const { url } = script
  const { line, column } = startOf(text, script, inspected)
  const map = sourceMapOf(script)
  if (map === undefined) return { file: url, line, column }
  const first = entryAt(map, line, column)
  if (first === undefined) return { file: url, line, column }
  const layout: Layout = (lineInText, columnInLine) => {
    const entry = entryAt(map, line + lineInText, lineInText === 0 ? column + columnInLine : columnInLine)
    return entry?.file === first.file ? entry : undefined
  }
  return { ...first, file: fileOf(first.file, url), layout }
}

/** V8 names the parameter list, or a class's constructor: the text begins at or before it. */
function startOf(
  text: string,
  { source, startLine }: Script,
  { line, column }: Inspected,
): { line: number; column: number } {
  let lineAt = 0
  for (let i = startLine; i < line; i++) lineAt = source.indexOf('\n', lineAt) + 1
  const start = source.lastIndexOf(text, lineAt + column)
  if (start === -1 || start + text.length < lineAt + column) return { line, column }
  const before = source.slice(0, start)
  return { line: startLine + before.split('\n').length - 1, column: start - (before.lastIndexOf('\n') + 1) }
}

function entryAt(
  map: SourceMap,
  line: number,
  column: number,
): { file: string; line: number; column: number } | undefined {
  const entry = map.findEntry(line, column)
  if (!('originalSource' in entry) || entry.originalSource === undefined) return undefined
  return { file: entry.originalSource, line: entry.originalLine, column: entry.originalColumn }
}

/** Sources in a map are named relative to the script or to the map, both of which stand in the same folder. */
function fileOf(file: string, scriptUrl: string): string {
  if (file.startsWith('/') || URL.canParse(file)) return file
  if (URL.canParse(scriptUrl)) return new URL(file, scriptUrl).href
  return fileURLToPath(new URL(file, `file://${scriptUrl}`))
}

function sourceMapOf(script: Script): SourceMap | undefined {
  if (script.sourceMapUrl === '') return undefined
  let map = maps.get(script.source)
  if (map === undefined) {
    map = readSourceMap(script) ?? 'none'
    maps.set(script.source, map)
  }
  return map === 'none' ? undefined : map
}

function readSourceMap({ sourceMapUrl, url }: Script): SourceMap | undefined {
  try {
    const text = sourceMapUrl.startsWith('data:')
      ? dataOf(sourceMapUrl)
      : readFileSync(new URL(sourceMapUrl, URL.canParse(url) ? url : `file://${url}`), 'utf8')
    return new SourceMap(JSON.parse(text) as ConstructorParameters<typeof SourceMap>[0])
  } catch {
    // A map that cannot be read only costs the author's line numbers.
    return undefined
  }
}

function dataOf(url: string): string {
  const comma = url.indexOf(',')
  const isBase64 = url.slice(0, comma).endsWith(';base64')
  const data = url.slice(comma + 1)
  return isBase64 ? Buffer.from(data, 'base64').toString('utf8') : decodeURIComponent(data)
}
