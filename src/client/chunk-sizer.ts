/** A message should carry this much work: what a message costs is then a per cent or two of it. */
const TARGET_MS = 25
/** Near the end pieces get smaller so that all engines end together, but not smaller than this is worth. */
const FLOOR_MS = 1
/** Bounds memory and the time that one message occupies the wire, whatever elements cost. */
const ELEMENTS_MAX = 65_536
/** Each engine should still get this many of the remaining pieces. */
const PIECES_AN_ENGINE = 4
/** How many elements must have been measured for each element of all engines' next pieces. */
const EVIDENCE = 2
/** How much older measurements count against the newest. Long enough that a rare long element is not forgotten at once. */
const MEMORY = 0.97

/**
 * Chooses how many elements of a `map` go into the next message. It begins with single elements and measures how long
 * they take, and how differently: a piece gets no more elements than will, by their mean and their spread, take some
 * 25 ms, and no more than the number measured so far makes plausible. Elements that take long, or of which some do,
 * therefore go one by one; short ones soon go in thousands. Towards the end pieces shrink, so that no engine is left with
 * a long last one.
 *
 * Source: C. D. Polychronopoulos and D. J. Kuck, "Guided self-scheduling", IEEE Transactions on Computers C-36 (1987);
 * S. F. Hummel, E. Schonberg and L. E. Flynn, "Factoring", Communications of the ACM 35 (1992), for the spread.
 */
export class ChunkSizer {
  /** All that was ever measured. */
  #measured = 0
  // Weighted sums over pieces of c elements that took t: what is needed for mean and variance of a single element.
  #pieces = 0
  #elements = 0
  #runMs = 0
  #squares = 0

  /** Takes note that a piece of `count` elements took `runMs` on its engine. */
  finished(count: number, runMs: number): void {
    this.#measured += count
    this.#pieces = this.#pieces * MEMORY + 1
    this.#elements = this.#elements * MEMORY + count
    this.#runMs = this.#runMs * MEMORY + runMs
    this.#squares = this.#squares * MEMORY + runMs ** 2 / count
  }

  /**
   * @param remaining - elements not sent yet; undefined where nobody knows.
   * @param engines - how many engines share them.
   */
  next(remaining: number | undefined, engines: number): number {
    const shares = Math.max(1, engines)
    const plausible = Math.min(Math.floor(this.#measured / (EVIDENCE * shares)), ELEMENTS_MAX)
    // Nothing is known: one element tells most and risks least.
    if (plausible < 2) return 1
    const meanMs = this.#runMs / this.#elements
    const wanted = Math.min(worthOf(TARGET_MS, meanMs, this.#spreadMs(meanMs)), plausible)
    if (remaining === undefined) return Math.max(1, Math.floor(wanted))
    const floor = Math.min(worthOf(FLOOR_MS, meanMs, 0), plausible)
    const share = Math.max(remaining / (shares * PIECES_AN_ENGINE), floor)
    return Math.max(1, Math.min(Math.floor(Math.min(wanted, share)), remaining))
  }

  /** Standard deviation of one element. The means of pieces of c elements vary less than elements do, by a factor of c. */
  #spreadMs(meanMs: number): number {
    const ofPieces = this.#squares / this.#elements - meanMs ** 2
    return Math.sqrt(Math.max(0, ofPieces) * (this.#elements / this.#pieces))
  }
}

/** How many elements take so long, when c of them take `c · mean`, and `√c · spread` more where it goes badly. */
function worthOf(ms: number, meanMs: number, spreadMs: number): number {
  if (meanMs <= 0) return Number.POSITIVE_INFINITY
  const root = (Math.sqrt(spreadMs ** 2 + 4 * meanMs * ms) - spreadMs) / (2 * meanMs)
  return root ** 2
}
