import type { MPIBuffer } from './buffers.ts'
import { callNow, together } from './collective-call.ts'
import * as collectives from './collectives.ts'
import { MessageCalls } from './message-calls.ts'
import type { Op } from './op.ts'
import { PREDEFINED } from './operations.ts'
import type { InPlace, Parts } from './shares.ts'
import * as values from './value-collectives.ts'

type Given = MPIBuffer | InPlace

const { SUM } = PREDEFINED
const ROOT = 0

/** Calls in which all processes take part. See `Comm`. */
export class CollectiveCalls extends MessageCalls {
  /** Waits for all ranks. */
  barrier(): void {
    const { context } = this
    if (context.gate.isBarrier) together(context, 'Barrier', () => {})
    else callNow(context, { name: 'Barrier', terms: '', args: [] })
  }

  /** The root's buffer becomes everybody's. */
  Bcast(buffer: MPIBuffer, root = ROOT): void {
    callNow(this.context, collectives.bcast(this.context, buffer, root))
  }

  /**
   * Equal parts of the root's buffer, one to each rank; the other ranks give `undefined` as `send`. `MPI.IN_PLACE` at the
   * root: its part stays where it is.
   */
  Scatter(send: MPIBuffer | undefined, receive: Given, root = ROOT): void {
    callNow(this.context, collectives.scatter(this.context, send, receive, root))
  }

  /** As `Scatter`, with parts of different lengths: `send` says how long each is. */
  Scatterv(send: Parts | undefined, receive: Given, root = ROOT): void {
    callNow(this.context, collectives.scatterv(this.context, send, receive, root))
  }

  /**
   * Everybody's buffer, one after the other, in the root's; the other ranks give `undefined` as `receive`. `MPI.IN_PLACE` at
   * the root: its part is there already.
   */
  Gather(send: Given, receive: MPIBuffer | undefined, root = ROOT): void {
    callNow(this.context, collectives.gather(this.context, send, receive, root))
  }

  /** As `Gather`, with parts of different lengths: `receive` says how long each is. */
  Gatherv(send: Given, receive: Parts | undefined, root = ROOT): void {
    callNow(this.context, collectives.gatherv(this.context, send, receive, root))
  }

  /** Everybody's buffer, one after the other, on every rank; `MPI.IN_PLACE`: this rank's part is there already. */
  Allgather(send: Given, receive: MPIBuffer): void {
    callNow(this.context, collectives.allgather(this.context, send, receive))
  }

  /** As `Allgather`, with parts of different lengths: `receive` says how long each is. */
  Allgatherv(send: Given, receive: Parts): void {
    callNow(this.context, collectives.allgatherv(this.context, send, receive))
  }

  /** Part i of each rank's buffer goes to rank i; `MPI.IN_PLACE`: out of `receive`, into it. */
  Alltoall(send: Given, receive: MPIBuffer): void {
    callNow(this.context, collectives.alltoall(this.context, send, receive))
  }

  /** As `Alltoall`, with parts of different lengths. */
  Alltoallv(send: Parts | InPlace, receive: Parts): void {
    callNow(this.context, collectives.alltoallv(this.context, send, receive))
  }

  /** All ranks' buffers combined element by element, in the root's; `MPI.IN_PLACE` at the root: it holds its part already. */
  Reduce(send: Given, receive: MPIBuffer | undefined, op: Op = SUM, root = ROOT): void {
    callNow(this.context, collectives.reduce(this.context, send, receive, op, root))
  }

  /** All ranks' buffers combined element by element, on every rank; `MPI.IN_PLACE`: `receive` holds this rank's part. */
  Allreduce(send: Given, receive: MPIBuffer, op: Op = SUM): void {
    callNow(this.context, collectives.reduceToAll(this.context, 'Allreduce', send, receive, op))
  }

  /** Each rank gets what the ranks up to it give together. */
  Scan(send: Given, receive: MPIBuffer, op: Op = SUM): void {
    callNow(this.context, collectives.reduceToAll(this.context, 'Scan', send, receive, op))
  }

  /** Each rank gets what the ranks before it give together; the first one's buffer is left as it is. */
  Exscan(send: Given, receive: MPIBuffer, op: Op = SUM): void {
    callNow(this.context, collectives.reduceToAll(this.context, 'Exscan', send, receive, op))
  }

  /**
   * All ranks' buffers combined element by element, of which each rank gets a part; `MPI.IN_PLACE`: the part is written to the
   * beginning of `receive`, which holds all.
   *
   * @param counts - elements of each rank's part. Default: equal parts.
   */
  ReduceScatter(send: Given, receive: MPIBuffer, op: Op = SUM, counts?: readonly number[]): void {
    callNow(this.context, collectives.reduceScatter(this.context, send, receive, op, counts))
  }

  /** The root's value, on every rank; the other ranks may give `undefined`. */
  bcast<Value>(value: Value | undefined, root = ROOT): Value {
    return values.bcastValue(this.context, value, root) as Value
  }

  /** One of the root's values to each rank; the other ranks give `undefined`. */
  scatter<Value>(list: readonly Value[] | undefined, root = ROOT): Value {
    return values.scatterValues(this.context, list, root) as Value
  }

  /** Everybody's value, by rank, at the root; undefined elsewhere. */
  gather<Value>(value: Value, root = ROOT): Value[] | undefined {
    return values.gatherValues(this.context, value, root) as Value[] | undefined
  }

  /** Everybody's value, by rank, on every rank. */
  allgather<Value>(value: Value): Value[] {
    return values.allgatherValues(this.context, value) as Value[]
  }

  /** Value i of each rank's list goes to rank i. */
  alltoall<Value>(list: readonly Value[]): Value[] {
    return values.alltoallValues(this.context, list) as Value[]
  }

  /** Everybody's value combined, in the order of ranks, at the root; undefined elsewhere. */
  reduce<Value>(value: Value, op: Op = SUM, root = ROOT): Value | undefined {
    return values.reduceValues(this.context, value, op, root) as Value | undefined
  }

  /** Everybody's value combined, in the order of ranks, on every rank. */
  allreduce<Value>(value: Value, op: Op = SUM): Value {
    return values.allreduceValues(this.context, value, op) as Value
  }

  /** What the values of the ranks up to this one give together. */
  scan<Value>(value: Value, op: Op = SUM): Value {
    return values.scanValues(this.context, value, op, true) as Value
  }

  /** Undefined on the first rank. */
  exscan<Value>(value: Value, op: Op = SUM): Value | undefined {
    return values.scanValues(this.context, value, op, false) as Value | undefined
  }
}
