let lastText = ''
let lastMs = Number.NaN

/**
 * A date of the wire as ms since 1970; NaN for what is none. Of twenty thousand replies a second, twenty bear the same
 * date: it is parsed once for all of them.
 */
export function wireDateMs(text: string): number {
  if (text !== lastText) {
    lastText = text
    lastMs = Date.parse(text)
  }
  return lastMs
}
