/**
 * Counts what ends before it is up: one that does so at every start would otherwise be started for ever. Knows nothing of
 * engines or jobs; what counts as one death is its caller's matter.
 */

import type { Millis } from '../../base/clock.ts'

/** See the head of this file. */
export class EarlyDeaths {
  readonly #max: number
  readonly #windowMs: Millis
  #atMs: Millis[] = []

  /** @param max - of so many within `windowMs`, the last is not replaced. */
  constructor(max: number, windowMs: Millis) {
    this.#max = max
    this.#windowMs = windowMs
  }

  /** Counts one. @returns whether it may be replaced. */
  count(nowMs: Millis): boolean {
    const sinceMs = nowMs - this.#windowMs
    this.#atMs = this.#atMs.filter(atMs => atMs > sinceMs)
    this.#atMs.push(nowMs)
    return this.#atMs.length < this.#max
  }
}
