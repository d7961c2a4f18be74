/** Settings that hold others: each of these is taken for itself. */
const NESTED: ReadonlySet<string> = new Set(['batch', 'env', 'environment'])

/**
 * What is given over what a file says: each setting wins for itself, also those of `batch`, and each variable of an
 * environment.
 */
export function mergeSettings(file: object, given: object): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...file }
  for (const [key, value] of Object.entries(given) as [string, unknown][]) {
    const below = merged[key]
    if (value === undefined) continue
    merged[key] = NESTED.has(key) && isObject(value) && isObject(below) ? mergeSettings(below, value) : value
  }
  return merged
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
