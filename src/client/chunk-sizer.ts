/** A message should carry this much work: what a message costs is then a per cent or two of it. */
const TARGET_MS = 25
/** Near the end pieces get smaller so that all engines end together, but not smaller than this is worth. */
const FLOOR_MS = 1
/** How fast pieces may grow while we learn how long an element takes. */
const GROWTH = 16
/** Bounds memory and the time that one message occupies the wire, whatever elements cost. */
const ELEMENTS_MAX = 65_536
/** Each engine should still get this many of the remaining pieces. */
const PIECES_AN_ENGINE = 4
/** How much older measurements count against the newest. */
const MEMORY = 0.7

/**
 * Chooses how many elements of a `map` go into the next message. It begins with single elements, measures how long they
 * take, and grows until a message carries some 25 ms of work; towards the end it shrinks again (guided
 * self-scheduling), so that no engine is left with a long last piece.
 *
 * Source: C. D. Polychronopoulos and D. J. Kuck, "Guided self-scheduling", IEEE Transactions on Computers C-36 (1987).
 */
export class ChunkSizer {
  #elements = 0
  #runMs = 0
  #largestFinished = 0

  /** Takes note that a piece of `count` elements took `runMs` on its engine. */
  finished(count: number, runMs: number): void {
    this.#elements = this.#elements * MEMORY + count
    this.#runMs = this.#runMs * MEMORY + runMs
    this.#largestFinished = Math.max(this.#largestFinished, count)
  }

  /**
   * @param remaining - elements not sent yet; undefined where nobody knows.
   * @param engines - how many engines share them.
   */
  next(remaining: number | undefined, engines: number): number {
    // Nothing is known: one element tells most and risks least.
    if (this.#largestFinished === 0) return 1
    const elementMs = this.#runMs / this.#elements
    const grown = Math.min(this.#largestFinished * GROWTH, ELEMENTS_MAX)
    const wanted = elementMs > 0 ? Math.min(TARGET_MS / elementMs, grown) : grown
    if (remaining === undefined) return Math.max(1, Math.floor(wanted))
    const floor = elementMs > 0 ? Math.min(FLOOR_MS / elementMs, grown) : 1
    const share = Math.max(remaining / (Math.max(1, engines) * PIECES_AN_ENGINE), floor)
    return Math.max(1, Math.min(Math.floor(Math.min(wanted, share)), remaining))
  }
}
