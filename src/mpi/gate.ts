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
 * 3. After a failure all ranks pass twice: the first time ends what had been begun before it, whatever that was.
 */

import { MPIError } from '../errors.ts'
import type { Handle } from './abi.ts'
import type { Native } from './native.ts'
import type { Progress } from './progress.ts'

/** Stands for calls that differ. */
const DISAGREEMENT = -1
/** What a rank tells: the call that all it knows of are about to make, and whether one of them has failed before. */
const CALL = 0
const STALE = 1
const WORDS = 2

export interface GateOptions {
  readonly native: Native
  readonly progress: Progress
  /** A communicator of the gate's own. */
  readonly comm: Handle
  readonly rank: number
  readonly size: number
  /** Ranks of the communicator's members in COMM_WORLD. */
  readonly worldRanks: readonly number[]
}

export class Gate {
  readonly #options: GateOptions
  readonly #told = new Int32Array(WORDS)
  readonly #heard = new Int32Array(WORDS)
  #round = 0
  #known = 0
  #isStale = false
  #hasTold = false
  #send: Int32Array | undefined
  #receive: Int32Array | undefined
  /** Failures of this rank that all others know of. */
  #failuresTold = 0

  constructor(options: GateOptions) {
    this.#options = options
  }

  /**
   * Waits until every rank is here.
   *
   * @param call - what this rank is about to call, in words that are equal on all ranks if the calls fit.
   * @throws MPIError when the calls do not fit, or a rank has failed.
   */
  pass(call: string): void {
    const own = hash(call)
    do this.#passOnce(own)
    while (this.#isStale)
    // Invariant 2.
    if (this.#known !== own)
      throw new MPIError(`the ranks do not call the same: this one calls ${call}, and another something else`)
  }

  #passOnce(own: number): void {
    const { failures } = this.#options.progress
    if (this.#round === 0 && !this.#hasTold) {
      this.#known = own
      this.#isStale = false
    }
    // Invariant 3: what was told before the failure may have been about another call.
    const failed = failures.announced
    this.#isStale ||= failed !== this.#failuresTold
    while (2 ** this.#round < this.#options.size) this.#exchange(own)
    this.#round = 0
    this.#failuresTold = failed
  }

  #exchange(own: number): void {
    const { native, progress, comm, rank, size, worldRanks } = this.#options
    const { INT32_T } = native.abi.datatypes
    const distance = 2 ** this.#round
    // Invariant 1.
    if (!this.#hasTold) {
      this.#finishSend()
      this.#told[CALL] = this.#known
      this.#told[STALE] = this.#isStale ? 1 : 0
      const to = (rank + distance) % size
      this.#send = native.request('MPI_Isend', this.#told, WORDS, INT32_T, to, this.#round, comm)
      this.#hasTold = true
    }
    const from = (rank - distance + size) % size
    this.#receive ??= native.request('MPI_Irecv', this.#heard, WORDS, INT32_T, from, this.#round, comm)
    const receive = this.#receive
    progress.wait(() => native.test(receive), worldRanks)
    progress.failures.heardFrom(worldRanks[from]!)
    this.#receive = undefined
    this.#hasTold = false
    this.#round += 1
    native.release(receive)
    if (this.#heard[CALL] !== own) this.#known = DISAGREEMENT
    if (this.#heard[STALE] === 1) this.#isStale = true
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
