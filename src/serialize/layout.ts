import { tokenizer, tokTypes } from 'acorn'
import type { Layout } from './source-place.ts'

/** After these a line break may be left out, or put in, without changing what the text means. */
const LOOSE = new Set<unknown>([
  tokTypes.semi,
  tokTypes.braceL,
  tokTypes.comma,
  tokTypes.parenL,
  tokTypes.bracketL,
])

/**
 * Moves the line breaks of compiled text so that its statements stand on their author's lines: then stack traces are
 * right wherever the text is run, and no source map has to travel. Text that a compiler made ends its statements with
 * semicolons; breaks are only ever removed after one, or after an opening bracket.
 *
 * @param layout - the author's line of each line of `text`, from 0.
 */
export function layOut(text: string, form: 'expression' | 'method', layout: Layout): string {
  const before = form === 'expression' ? '(' : '({'
  const after = form === 'expression' ? '\n)' : '\n})'
  const firstLine = layout[0] ?? 0
  let output = ''
  let outputLine = firstLine
  let inputLine = 0
  let endOfLast = 0
  let last: unknown = tokTypes.parenL
  try {
    for (const token of tokenizer(before + text + after, { ecmaVersion: 'latest', sourceType: 'module' })) {
      const start = token.start - before.length
      const end = token.end - before.length
      if (start < 0 || start >= text.length) continue
      const gap = text.slice(endOfLast, start)
      const breaks = countBreaks(gap)
      inputLine += breaks
      const wanted = breaks > 0 ? layout[inputLine] : undefined
      if (breaks === 0) output += gap
      else if (wanted !== undefined && wanted > outputLine) {
        output += '\n'.repeat(wanted - outputLine)
        outputLine = wanted
      } else if (LOOSE.has(last)) output += ' '
      else {
        output += '\n'
        outputLine += 1
      }
      const tokenText = text.slice(start, end)
      output += tokenText
      inputLine += countBreaks(tokenText)
      outputLine += countBreaks(tokenText)
      endOfLast = end
      last = token.type
    }
  } catch {
    return text
  }
  return output + text.slice(endOfLast)
}

function countBreaks(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
