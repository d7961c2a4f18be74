import { performance } from 'node:perf_hooks'
import { MPIError } from '../errors.ts'
import type { Failures } from './failures.ts'

/** Polls between two looks at the failures of others. */
const POLLS_A_LOOK = 512
/**
 * Polls at once, about a millisecond, where each rank has a core of its own: to offer it may mean to lose it to another
 * program for several. Where ranks share cores, the one that is waited for needs this one.
 */
const POLLS_AT_ONCE = 8192
/** Then the core is offered to others between polls, for so long; then they are given it, by sleeping. */
const OFFERING_MS = 0.1
/** Kernels make some 50 of it. */
const SLEEP_US = 1
/** How long a rank that failed may take to go on before those that wait for it give up. */
const PATIENCE_MS = 2000

/** How a process gives up its core for a while. */
export interface Cores {
  /** Lets another process run that is ready to. */
  readonly yieldCore: () => void
  readonly sleep: (microseconds: number) => void
}

/**
 * Waits for messages in JavaScript, and not inside the library: an interrupt ends a loop of JavaScript at any moment,
 * and a rank that waits for one that failed gets an error instead of waiting for ever.
 */
export class Progress {
  readonly failures: Failures
  readonly #cores: Cores
  readonly #pollsAtOnce: number

  /** @param areCoresShared - whether there are more ranks on this machine than cores. */
  constructor(failures: Failures, cores: Cores, areCoresShared: boolean) {
    this.failures = failures
    this.#cores = cores
    this.#pollsAtOnce = areCoresShared ? 1 : POLLS_AT_ONCE
  }

  /**
   * Returns when `isDone` does.
   *
   * @param partners - ranks in COMM_WORLD without which it cannot end; undefined: any.
   * @throws MPIError when one of them has failed.
   */
  wait(isDone: () => boolean, partners: readonly number[] | undefined): void {
    for (let polls = 0; polls < this.#pollsAtOnce; polls++) if (isDone()) return
    const sinceMs = performance.now()
    for (let polls = 0; !isDone(); polls++) {
      if (performance.now() - sinceMs < OFFERING_MS) this.#cores.yieldCore()
      else this.#cores.sleep(SLEEP_US)
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
