import { InvariantError } from '../errors.ts'

/** Throws an InvariantError unless `condition` holds. For what only a bug of ours can break. */
export function invariant(condition: unknown, message: string, story?: readonly string[]): asserts condition {
  if (!condition) throw new InvariantError(message, story)
}

/** Makes a `switch` over a closed union complete: a missing `case` does not compile. */
export function assertNever(value: never, what = 'value'): never {
  throw new InvariantError(`unexpected ${what}: ${JSON.stringify(value)}`)
}
