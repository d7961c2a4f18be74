/**
 * The order in which Python sorts keys: text by code points, which JavaScript's own order differs from, and numbers.
 * Other keys stay where they are.
 */
export function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (!isNumber(a) || !isNumber(b)) return 0
  return a < b ? -1 : a > b ? 1 : 0
}

function isNumber(key: unknown): key is number | bigint {
  return typeof key === 'number' || typeof key === 'bigint'
}

function compareTexts(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
