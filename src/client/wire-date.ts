/** Characters of a date as we write it, and of those the ones that say which millisecond it is. */
const DATE_CHARS = '2026-11-22T08:22:27.702398Z'.length
const MILLISECOND_CHARS = '2026-11-22T08:22:27.702'.length

let lastText = ''
let lastMs = Number.NaN

/**
 * A date of the wire as ms since 1970; NaN for what is none. Of twenty thousand replies a second, twenty fall into the
 * same millisecond: it is parsed once for all of them.
 */
export function wireDateMs(text: string): number {
  const isPlain = text.length === DATE_CHARS && text.endsWith('Z')
  const key = isPlain ? text.slice(0, MILLISECOND_CHARS) : text
  if (key !== lastText) {
    lastText = key
    lastMs = Date.parse(isPlain ? `${key}Z` : text)
  }
  return lastMs
}
