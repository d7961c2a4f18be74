import * as acorn from 'acorn'
import { rewriteCell } from '../rewrite-cell.ts'
import { stripTypes } from '../strip-types.ts'

/** Whether source text can be run as it is, as `is_complete_reply` says it. */
export interface Completeness {
  readonly status: 'complete' | 'incomplete' | 'invalid'
  /** For incomplete text: what the next line should begin with. */
  readonly indent?: string
}

const STEP = '  '

/** Text, comment or pattern whose end is missing: they may go on in the next line. */
const OPEN_ENDED = /Unterminated (?:template|comment)/

/** Tells a console whether to run what was typed or to wait for more lines. */
export function completenessOf(code: string): Completeness {
  let failure: SyntaxError & { readonly pos?: number }
  try {
    rewriteCell(code, '__meta')
    return { status: 'complete' }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    failure = error
  }
  const depth = openBrackets(code)
  if (depth > 0) return { status: 'incomplete', indent: STEP.repeat(depth) }
  const isAtEnd = (failure.pos ?? 0) >= code.trimEnd().length
  if (isAtEnd || OPEN_ENDED.test(failure.message)) return { status: 'incomplete', indent: '' }
  return { status: stripTypes(code, 'cell') === undefined ? 'invalid' : 'complete' }
}

/** How many brackets are open at the end, whatever the grammar says: the text may be TypeScript. */
function openBrackets(code: string): number {
  let depth = 0
  try {
    for (const { type } of acorn.tokenizer(code, { ecmaVersion: 'latest', allowHashBang: true })) {
      if (type === acorn.tokTypes.parenL || type === acorn.tokTypes.bracketL) depth += 1
      else if (type === acorn.tokTypes.braceL || type === acorn.tokTypes.dollarBraceL) depth += 1
      else if (type === acorn.tokTypes.parenR || type === acorn.tokTypes.bracketR) depth -= 1
      else if (type === acorn.tokTypes.braceR) depth -= 1
    }
  } catch {
    // As far as it can be read.
  }
  return depth
}
