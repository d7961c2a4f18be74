/**
 * How many tasks an engine may hold at once. An engine that waits for its next task over the wire loses a round trip
 * each time; a task that waits behind a long one loses far more. So an engine gets about `PREFETCH_MS` of work ahead,
 * by the run times it reports, and no more than one task where these are long or unknown.
 */

import type { Millis } from '../../base/clock.ts'

/** Work that an engine may have in hand besides the task it runs. */
const PREFETCH_MS: Millis = 5
const WINDOW_MAX = 1000
/** A burst begins with one task and may grow this much with each reply: what was true before may no longer be. */
const GROWTH = 4
/** Share of a new, shorter run time in the mean. A longer one counts at once. */
const EASE = 0.25

/** What the engines of a pool have learnt together since tasks began to flow: the window that one of them has reached. */
export class Burst {
  window = 1
}

export class Prefetch {
  readonly #burst: Burst
  #meanMs: Millis | undefined
  #window = 1

  constructor(burst = new Burst()) {
    this.#burst = burst
  }

  /** Tasks that the engine may hold, the running one included. */
  get window(): number {
    return this.#window
  }

  /** A task ended there. @param runMs - undefined where the engine does not report it. */
  ran(runMs: Millis | undefined): void {
    if (runMs === undefined || !(runMs >= 0)) {
      this.#meanMs = undefined
      this.idle()
      return
    }
    const mean = this.#meanMs
    this.#meanMs = mean === undefined || runMs > mean ? runMs : mean + EASE * (runMs - mean)
    const wanted = Math.min(1 + Math.floor(PREFETCH_MS / this.#meanMs), WINDOW_MAX)
    // With many engines each sees few tasks: what one has learnt is true for the next.
    this.#window = Math.min(wanted, Math.max(this.#window * GROWTH, this.#burst.window))
    this.#burst.window = wanted < this.#burst.window ? wanted : Math.max(this.#burst.window, this.#window)
  }

  /** The engine has nothing left to do: the next tasks may be of another kind. */
  idle(): void {
    this.#window = 1
    this.#burst.window = 1
  }
}
