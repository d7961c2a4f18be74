/** A moment on a monotonic clock, or a span of it, in milliseconds. */
export type Millis = number

/** Where a shell gets its time from. Machines under `state/` never see one: time comes to them as `nowMs`. */
export interface Clock {
  /** Milliseconds on a monotonic clock whose zero means nothing. */
  nowMs(): Millis
  /** Calls `wake` once, `delayMs` from now. The answer cancels it. */
  after(delayMs: Millis, wake: () => void): () => void
}

/** The clock of this machine. Its timers keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, wake) {
    const timer = setTimeout(wake, Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}
