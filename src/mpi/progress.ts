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

/**
 * How long ranks that all mean to make a collective call may take to hear of one another: one that waits longer for the
 * others, and was asked to end longer ago, can be interrupted without leaving them in it.
 */
const GATHERING_MS = 300
/** How long a rank that is to be interrupted waits for it between two collective calls. */
const BETWEEN_CALLS_MS = 30

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
  /** The collective call that is made: since when the ranks gather for it, until the library has begun it. */
  #collective: { readonly sinceMs: number; hasBegun: boolean } | undefined
  #isWaiting = false
  #isInterruptWanted = false

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
    this.#isWaiting = true
    try {
      for (let polls = 0; !isDone(); polls++) {
        if (performance.now() - sinceMs < OFFERING_MS) this.#cores.yieldCore()
        else this.#cores.sleep(SLEEP_US)
        if (polls % POLLS_A_LOOK === 0) this.#look(partners, sinceMs)
      }
    } finally {
      this.#isWaiting = false
    }
  }

  /**
   * Makes a collective call: all ranks gather, then the library is called. It is interrupted as a whole or not at all:
   * a rank that left between the two would leave the others inside the library.
   */
  together<Result>(gather: () => void, call: () => Result): Result {
    const collective = { sinceMs: performance.now(), hasBegun: false }
    this.#collective = collective
    try {
      gather()
      collective.hasBegun = true
      return call()
    } finally {
      this.#collective = undefined
      if (this.#isInterruptWanted) this.#awaitInterrupt()
    }
  }

  /**
   * Whether the code that runs may be broken off now, without leaving other ranks in a call that it has begun.
   *
   * @param askedAtMs - when that was first wanted, on the clock of `performance`.
   */
  mayInterrupt(askedAtMs: number): boolean {
    if (this.failures.isBusy) return false
    const collective = this.#collective
    if (collective === undefined) return true
    const sinceMs = Math.max(collective.sinceMs, askedAtMs)
    const isGathering = !collective.hasBegun && this.#isWaiting
    if (isGathering && performance.now() - sinceMs > GATHERING_MS) return true
    this.#isInterruptWanted = true
    return false
  }

  /** What ran was broken off, or has failed. */
  reset(): void {
    this.#collective = undefined
    this.#isWaiting = false
    this.#isInterruptWanted = false
  }

  /** A loop of collective calls is hardly ever between two: it is held there, to be interrupted. */
  #awaitInterrupt(): void {
    this.#isInterruptWanted = false
    const untilMs = performance.now() + BETWEEN_CALLS_MS
    while (performance.now() < untilMs) this.#cores.sleep(SLEEP_US)
  }

  #look(partners: readonly number[] | undefined, sinceMs: number): void {
    const nowMs = performance.now()
    this.failures.poll(nowMs)
    const failure = this.failures.among(partners)
    if (failure === undefined || nowMs - Math.max(failure.seenMs, sinceMs) < PATIENCE_MS) return
    throw new MPIError(`rank ${failure.rank}, for which this one waited, ${failure.text}`)
  }
}
