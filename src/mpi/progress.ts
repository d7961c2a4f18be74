import { performance } from 'node:perf_hooks'
import { MPIError } from '../errors.ts'
import type { Failures } from './failures.ts'

/** Polls between two looks at the failures of others. */
const POLLS_A_LOOK = 512
/** How long a rank that failed may take to go on before those that wait for it give up. */
const PATIENCE_MS = 2000

/**
 * Waits for messages in JavaScript, and not inside the library: an interrupt ends a loop of JavaScript at any moment,
 * and a rank that waits for one that failed gets an error instead of waiting for ever.
 */
export class Progress {
  readonly failures: Failures
  readonly #yieldCore: () => void

  /** @param yieldCore - lets another process run, where ranks share cores. */
  constructor(failures: Failures, yieldCore: () => void) {
    this.failures = failures
    this.#yieldCore = yieldCore
  }

  /**
   * Returns when `isDone` does.
   *
   * @param partners - ranks in COMM_WORLD without which it cannot end; undefined: any.
   * @throws MPIError when one of them has failed.
   */
  wait(isDone: () => boolean, partners: readonly number[] | undefined): void {
    for (let polls = 0; polls < POLLS_A_LOOK; polls++) if (isDone()) return
    const sinceMs = performance.now()
    for (let polls = 0; !isDone(); polls++) {
      this.#yieldCore()
      if (polls % POLLS_A_LOOK === 0) this.#look(partners, sinceMs)
    }
  }

  #look(partners: readonly number[] | undefined, sinceMs: number): void {
    const nowMs = performance.now()
    this.failures.poll(nowMs)
    const failure = this.failures.among(partners)
    if (failure === undefined || nowMs - Math.max(failure.seenMs, sinceMs) < PATIENCE_MS) return
    throw new MPIError(`rank ${failure.rank}, for which this one waited, failed: ${failure.text}`)
  }
}
