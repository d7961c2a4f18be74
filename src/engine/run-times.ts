import type { Millis } from '../base/clock.ts'

/** What runs no longer than this may delay the replies before it. */
const TINY_MS = 0.1
const TEXTS_MAX = 1000

interface Recent {
  ms: Millis
}

const textOf = Function.prototype.toString

/**
 * Remembers which functions end at once. Only before those may finished replies wait to be written together with the
 * next; a function that was slower in any of its last runs has them written first.
 *
 * A function that captures something arrives anew with every request, so functions of one text count as one.
 */
export class RunTimes {
  readonly #byFunction = new WeakMap<object, Recent>()
  readonly #byText = new Map<string, Recent>()

  isTiny(callee: object): boolean {
    return this.#recentOf(callee).ms < TINY_MS
  }

  record(callee: object, ranMs: Millis): void {
    const recent = this.#recentOf(callee)
    // One slow run counts at once, and is forgotten over the next dozen.
    recent.ms = recent.ms === Number.POSITIVE_INFINITY ? ranMs : Math.max(ranMs, recent.ms * 0.8)
  }

  #recentOf(callee: object): Recent {
    let recent = this.#byFunction.get(callee)
    if (recent !== undefined) return recent
    const text = textOf.call(callee)
    recent = this.#byText.get(text)
    if (recent === undefined) {
      recent = { ms: Number.POSITIVE_INFINITY }
      if (this.#byText.size >= TEXTS_MAX) this.#byText.clear()
      this.#byText.set(text, recent)
    }
    this.#byFunction.set(callee, recent)
    return recent
  }
}
