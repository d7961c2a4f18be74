import type { Millis } from '../base/clock.ts'

/** What runs no longer than this may delay the replies before it. */
const TINY_MS = 0.1

/**
 * Remembers which functions end at once. Only before those may finished replies wait to be written together with the
 * next; a function that was ever slower in its last runs has them written first.
 */
export class RunTimes {
  readonly #recentMs = new WeakMap<object, Millis>()

  isTiny(callee: object): boolean {
    const recentMs = this.#recentMs.get(callee)
    return recentMs !== undefined && recentMs < TINY_MS
  }

  record(callee: object, ranMs: Millis): void {
    const beforeMs = this.#recentMs.get(callee)
    // One slow run counts at once, and is forgotten over the next dozen.
    const recentMs = beforeMs === undefined ? ranMs : Math.max(ranMs, beforeMs * 0.8)
    if (recentMs !== beforeMs) this.#recentMs.set(callee, recentMs)
  }
}
