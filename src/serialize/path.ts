import { SerializationError } from '../errors.ts'

/**
 * Way from the root to the value at hand, for the message of a refusal. Keys are text, indices are numbers, and
 * arguments are negative numbers: making their text is left to the refusal.
 */
export class Path {
  readonly #steps: (string | number | symbol)[] = []
  depth = 0

  /** Goes one step down. */
  enter(step: string | number | symbol): void {
    this.#steps[this.depth++] = step
  }

  /** Goes to an argument of the call. */
  enterArgument(index: number): void {
    this.#steps[this.depth++] = -1 - index
  }

  leave(): void {
    this.depth -= 1
  }

  toStrings(): string[] {
    return this.#steps.slice(0, this.depth).map(step => {
      if (typeof step !== 'number') return String(step)
      return step < 0 ? `arguments[${-1 - step}]` : `[${step}]`
    })
  }

  /** The error for values nested deeper than the stack. */
  refuseDeep(cause: unknown): SerializationError {
    const path = this.toStrings().slice(0, 8)
    return new SerializationError(
      `${path.join(' → ')} → … cannot travel: it is nested too deeply. Send it flat, as an array for example`,
      { path, cause },
    )
  }

  /** The error for the value at hand: where it is, what it is, and what to do. */
  refuse(what: string, remedy: string, cause?: unknown): SerializationError {
    const path = this.toStrings()
    return new SerializationError(`${path.join(' → ')} cannot travel: ${what}. ${remedy}`, { path, cause })
  }
}
