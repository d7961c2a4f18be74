import type { Clock, Millis } from './clock.ts'

/**
 * The one timer of a shell: it is set to the moment at which a machine wants to be woken, and only touched when that
 * moment changes.
 */
export class Alarm {
  #atMs: Millis = Number.POSITIVE_INFINITY
  #cancel: (() => void) | undefined
  #isClosed = false
  readonly #clock: Clock
  readonly #ring: () => void

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at `atMs`; `Infinity` means never. */
  set(atMs: Millis): void {
    if (atMs === this.#atMs || this.#isClosed) return
    this.#cancel?.()
    this.#cancel = undefined
    this.#atMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return
    this.#cancel = this.#clock.after(atMs - this.#clock.nowMs(), () => {
      this.#atMs = Number.POSITIVE_INFINITY
      this.#cancel = undefined
      this.#ring()
    })
  }

  /** It never rings again: what still happens to a machine in its last moments must not keep a process alive. */
  close(): void {
    this.set(Number.POSITIVE_INFINITY)
    this.#isClosed = true
  }
}
