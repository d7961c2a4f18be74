import type { Range } from './free-names.ts'
import type { FunctionSource } from './function-text.ts'
import { parser } from './parser.ts'
import type { Layout } from './source-place.ts'
import type { TextEdits } from './text-edits.ts'

/** After these, a line break can be put in or left out without changing what the text means. */
const LOOSE = new Set([';', '{', ',', '(', '['])
/** The author's columns are kept up to here. */
const COLUMN_MAX = 200

/**
 * Moves the line breaks of compiled text so that its statements stand where their author put them: then stack traces
 * are right wherever the text is run, and no source map has to travel.
 *
 * @param text - the function's text, to be edited.
 * @param layout - the author's place for a place in the text.
 * @param fixed - parts that are edited otherwise.
 */
export function layOut(
  text: TextEdits,
  source: FunctionSource,
  layout: Layout,
  fixed: readonly Range[],
): void {
  const lines = lineStarts(source.text)
  let outputLine = layout(0, 0)?.line ?? 0
  let inputLine = 0
  let endOfLast = 0
  let last = '('
  for (const token of tokensOf(source)) {
    const { start, end } = token
    while (inputLine + 1 < lines.length && (lines[inputLine + 1] as number) <= start) inputLine += 1
    const gap = source.text.slice(endOfLast, start)
    const inTemplate = token.type === 'template' || token.type === '`'
    const movable = (LOOSE.has(last) || last === '}') && !inTemplate && !isInside(fixed, endOfLast, start)
    const wanted = movable ? layout(inputLine, start - (lines[inputLine] as number)) : undefined
    if (wanted !== undefined && wanted.line > outputLine) {
      const moved = '\n'.repeat(wanted.line - outputLine) + ' '.repeat(Math.min(wanted.column, COLUMN_MAX))
      text.replace(endOfLast, start, moved)
      outputLine = wanted.line
    } else if (movable && LOOSE.has(last) && gap.includes('\n')) text.replace(endOfLast, start, ' ')
    else outputLine += breaksIn(gap)
    outputLine += breaksIn(source.text.slice(start, end))
    endOfLast = end
    last = token.type
  }
}

interface Token extends Range {
  /** Acorn's label of it: for punctuation, the punctuation itself. */
  readonly type: string
}

function tokensOf({ text, form }: FunctionSource): Token[] {
  const before = form === 'expression' ? '(' : '({'
  const after = form === 'expression' ? '\n)' : '\n})'
  const tokens = parser().tokenizer(before + text + after, { ecmaVersion: 'latest', sourceType: 'module' })
  return [...tokens]
    .map(({ type, start, end }) => ({
      type: type.label,
      start: start - before.length,
      end: end - before.length,
    }))
    .filter(({ start, end }) => start >= 0 && end <= text.length)
}

function isInside(ranges: readonly Range[], start: number, end: number): boolean {
  return ranges.some(range => start < range.end && end > range.start)
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function breaksIn(text: string): number {
  return lineStarts(text).length - 1
}
