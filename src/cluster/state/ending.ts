/**
 * How a program that was asked to end is pressed: it is killed when its grace is over, and given up when not even that has
 * helped. Knows neither the program nor how it is asked.
 */

import type { Millis } from '../../base/clock.ts'

/** See the head of this file. */
export class Ending {
  #killAtMs: Millis
  readonly #giveUpAtMs: Millis
  #isKilled = false

  /**
   * It was asked at `nowMs`.
   *
   * @param killMs - how long it may take to be gone once it is killed.
   */
  constructor(nowMs: Millis, graceMs: Millis, killMs: Millis) {
    this.#killAtMs = nowMs + graceMs
    this.#giveUpAtMs = this.#killAtMs + killMs
  }

  /** When `press` will next have something to say. */
  get wakeAtMs(): Millis {
    return this.#isKilled ? this.#giveUpAtMs : this.#killAtMs
  }

  /** Its grace is over now. */
  hurry(nowMs: Millis): void {
    this.#killAtMs = nowMs
  }

  /** What is to be done about a program that has not ended: each once, in this order. */
  press(nowMs: Millis): 'kill' | 'give up' | undefined {
    if (this.#isKilled) return nowMs >= this.#giveUpAtMs ? 'give up' : undefined
    if (nowMs < this.#killAtMs) return undefined
    this.#isKilled = true
    return 'kill'
  }
}
