/** How many inputs are remembered. */
const INPUTS_MAX = 1000

type Line = readonly [session: number, line: number, input: string]

/** What was executed, for a console's arrow keys. It begins anew with each engine: all of it is session 0. */
export class History {
  readonly #lines: Line[] = []

  add(count: number, code: string): void {
    this.#lines.push([0, count, code])
    if (this.#lines.length > INPUTS_MAX) this.#lines.shift()
  }

  /** The lines that a `history_request` asks for. */
  answer(content: Readonly<Record<string, unknown>>): readonly Line[] {
    const { hist_access_type: access, n, start, stop, pattern, unique } = content
    const count = typeof n === 'number' && n > 0 ? n : INPUTS_MAX
    if (access === 'range') {
      const from = typeof start === 'number' ? start : 0
      const to = typeof stop === 'number' ? stop : Number.POSITIVE_INFINITY
      return this.#lines.filter(([, line]) => line >= from && line < to)
    }
    if (access !== 'search') return this.#lines.slice(-count)
    const matches = globMatcher(typeof pattern === 'string' ? pattern : '*')
    const found = this.#lines.filter(([, , input]) => matches(input))
    return (unique === true ? lastOfEach(found) : found).slice(-count)
  }
}

function lastOfEach(lines: readonly Line[]): Line[] {
  return [...new Map(lines.map(line => [line[2], line])).values()]
}

/** `*` and `?` as in file names. */
function globMatcher(pattern: string): (text: string) => boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const expression = new RegExp(`^${source}$`, 's')
  return text => expression.test(text)
}
