/**
 * What every collective call passes first: a barrier that waits in JavaScript, and compares what the ranks are about to
 * call. So nobody enters the library's own collective, where neither an interrupt nor an error reaches, before all
 * are there and mean the same.
 *
 * Dissemination barrier (Hensgen, Finkel and Manber 1988): in round r each rank tells the one 2^r above it what it knows
 * and hears from the one 2^r below; after log2(n) rounds everybody has heard of everybody.
 *
 * Invariants
 * 1. A pass that was broken off (by an interrupt, or because a rank failed) is taken up where it was by the next one:
 *    what was told is not told twice, so ranks that broke off and those that never began stay in step.
 * 2. All ranks learn of a disagreement, or none.
 * 3. All ranks that go on know of the same failures; else they pass again. What was told before a failure may have been
 *    about another call, and by a rank that is no longer here.
 * 4. Collective calls in the background do not pass. They have a communicator beside the one of those that do, and when a
 *    rank has not begun as many of them as another, all ranks take a new one: a call that one rank failed to begin
 *    is met by no other call.
 */

import { MPIError } from '../errors.ts'
import type { Handle } from './abi.ts'
import type { Native } from './native.ts'
import type { Progress } from './progress.ts'

/** Stands for calls that differ. */
const DISAGREEMENT = -1
/** What a rank tells of all that it has heard of: the call that they are about to make, */
const CALL = 0
/** how many failures they know of, */
const FAILURES = 1
/** and how many calls in the background they have begun. */
const ASIDE = 2
const WORDS = 3

/** The way to the collective calls of a communicator. */
export interface Gate {
  /** Whether to pass means that all ranks are there. */
  readonly isBarrier: boolean
  /**
   * Waits until every rank is here.
   *
   * @param call - what this rank is about to call, in words that are equal on all ranks if the calls fit.
   * @throws MPIError when the calls do not fit, or a rank has failed.
   */
  pass(call: string): void
  /** Before a call in the background. @returns the communicator for it. */
  beginAside(): Handle
  /** Collective: lets go of its communicators. */
  free(): void
}

export interface GateOptions {
  readonly native: Native
  readonly progress: Progress
  /** The communicator whose gate it is. */
  readonly of: Handle
  /** One of the gate's own, of the same processes. */
  readonly comm: Handle
  readonly rank: number
  readonly size: number
  /** Ranks of the communicator's members in COMM_WORLD. */
  readonly worldRanks: readonly number[]
}

/** See the head of this file. */
export class Barrier implements Gate {
  readonly isBarrier = true
  readonly #options: GateOptions
  readonly #told = new Int32Array(WORDS)
  readonly #heard = new Int32Array(WORDS)
  #round = 0
  /** What the ranks that this one has heard of agree about. */
  #known = 0
  #knownFailures = 0
  #knownAside = 0
  /** What this rank knew when it began to pass. */
  #failures = 0
  #hasTold = false
  #send: Int32Array | undefined
  #receive: Int32Array | undefined
  /** For calls in the background, and how many this rank has begun on it. */
  #aside: Handle
  #begunAside = 0

  constructor(options: GateOptions) {
    this.#options = options
    // Messages and collective calls of one communicator do not meet.
    this.#aside = options.comm
  }

  beginAside(): Handle {
    this.#begunAside += 1
    return this.#aside
  }

  free(): void {
    const { native, comm } = this.#options
    for (const handle of new Set([this.#aside, comm])) native.call('MPI_Comm_free', native.cell(handle))
  }

  pass(call: string): void {
    const { progress, worldRanks } = this.#options
    const { failures } = progress
    const own = hash(call)
    let hasFailed = false
    for (;;) {
      this.#passOnce(own)
      failures.poll(performance.now())
      // Invariant 3.
      if (this.#knownFailures === failures.countOf(worldRanks)) break
      hasFailed = true
    }
    // They are all here.
    failures.forgive(worldRanks)
    if (this.#knownAside === DISAGREEMENT) this.#renewAside(hasFailed)
    // Invariant 2.
    if (this.#known !== own)
      throw new MPIError(`the ranks do not call the same: this one calls ${call}, and another something else`)
  }

  /** Invariant 4. @param hasFailed - a rank has, which is why. */
  #renewAside(hasFailed: boolean): void {
    const { native, of } = this.#options
    this.#aside = native.twin(of)
    this.#begunAside = 0
    if (!hasFailed)
      throw new MPIError(
        'the ranks have not begun the same calls in the background: those that lack a rank will never end',
      )
  }

  #passOnce(own: number): void {
    const { progress, size, worldRanks } = this.#options
    if (this.#round === 0 && !this.#hasTold) {
      this.#known = own
      this.#knownAside = this.#begunAside
      this.#failures = progress.failures.countOf(worldRanks)
      this.#knownFailures = this.#failures
    }
    while (2 ** this.#round < size) this.#exchange(own)
    this.#round = 0
  }

  #exchange(own: number): void {
    const { native, progress, comm, rank, size, worldRanks } = this.#options
    const { INT32_T } = native.abi.datatypes
    const distance = 2 ** this.#round
    // Invariant 1.
    if (!this.#hasTold) {
      this.#finishSend()
      this.#told[CALL] = this.#known
      this.#told[FAILURES] = this.#knownFailures
      this.#told[ASIDE] = this.#knownAside
      const to = (rank + distance) % size
      this.#send = native.request('MPI_Isend', this.#told, WORDS, INT32_T, to, this.#round, comm)
      this.#hasTold = true
    }
    const from = (rank - distance + size) % size
    this.#receive ??= native.request('MPI_Irecv', this.#heard, WORDS, INT32_T, from, this.#round, comm)
    const receive = this.#receive
    progress.wait(() => native.test(receive), worldRanks)
    this.#receive = undefined
    this.#hasTold = false
    this.#round += 1
    native.release(receive)
    if (this.#heard[CALL] !== own) this.#known = DISAGREEMENT
    if (this.#heard[FAILURES] !== this.#failures) this.#knownFailures = DISAGREEMENT
    if (this.#heard[ASIDE] !== this.#begunAside) this.#knownAside = DISAGREEMENT
  }

  /** What was told last must have left before the same memory tells something else: as a rule it has long since. */
  #finishSend(): void {
    const { native, progress, worldRanks } = this.#options
    const send = this.#send
    if (send === undefined) return
    progress.wait(() => native.test(send), worldRanks)
    this.#send = undefined
    native.release(send)
  }
}

/** FNV-1a, as a positive number: equal for equal texts. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value & 0x7fff_ffff
}
