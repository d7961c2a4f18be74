import { inspect } from 'node:util'
import type { MPIBuffer } from './buffers.ts'
import type { Parts, Sent } from './collectives.ts'
import * as collectives from './collectives.ts'
import { type Context, newContext } from './context.ts'
import type { Op } from './op.ts'
import { PREDEFINED } from './operations.ts'
import * as messages from './point-to-point.ts'
import type { Request } from './request.ts'
import type { Status } from './status.ts'
import * as values from './value-collectives.ts'

const { SUM } = PREDEFINED
const ROOT = 0

/**
 * A group of processes that talk to one another. Methods with a capital first letter move typed arrays and NDArrays
 * without a copy, as they are; those with a small one move any value, serialized: the two forms of mpi4py. A
 * message must be received by the form by which it was sent.
 *
 * All methods block but those that begin with `i` or `I`. A method throws MPIError when the library reports an error, when
 * the ranks call different things, and when a rank that it waits for has failed.
 *
 * @example
 * const total = new Float64Array(1)
 * MPI.COMM_WORLD.Allreduce(Float64Array.of(MPI.COMM_WORLD.rank), total, MPI.SUM)
 * const names = MPI.COMM_WORLD.allgather(MPI.processorName)
 *
 * Source: MPI: A Message-Passing Interface Standard, version 3.1.
 */
export class Comm {
  protected readonly context: Context

  /** Made by the library: see `MPI.COMM_WORLD`, `split` and `dup`. */
  constructor(context: Context) {
    this.context = context
  }

  /** This process's number, from 0. */
  get rank(): number {
    return this.context.rank
  }

  /** How many processes there are. */
  get size(): number {
    return this.context.size
  }

  // Messages: buffers.

  /** Sends a buffer to a rank. Returns when it may be changed again. */
  Send(buffer: MPIBuffer, to: number, tag = 0): void {
    messages.sendBufferNow(this.context, 'MPI_Isend', buffer, to, tag)
  }

  /** As Send, but returns only when the receiver has begun to receive. */
  Ssend(buffer: MPIBuffer, to: number, tag = 0): void {
    messages.sendBufferNow(this.context, 'MPI_Issend', buffer, to, tag)
  }

  /** Fills a buffer, or its beginning, with the next message. */
  Recv(buffer: MPIBuffer, from = this.#anySource, tag = this.#anyTag, status?: Status): void {
    messages.receiveBuffer(this.context, buffer, from, tag, status).wait()
  }

  /** As `Send`, but returns at once: the buffer must not be changed before the request is complete. */
  Isend(buffer: MPIBuffer, to: number, tag = 0): Request {
    return messages.sendBuffer(this.context, 'MPI_Isend', buffer, to, tag)
  }

  /** As `Recv`, but returns at once: the buffer holds the message when the request is complete. */
  Irecv(buffer: MPIBuffer, from = this.#anySource, tag = this.#anyTag): Request {
    return messages.receiveBuffer(this.context, buffer, from, tag)
  }

  /** Sends and receives at once: no order of ranks can make it wait for itself. */
  Sendrecv(
    send: MPIBuffer,
    to: number,
    receive: MPIBuffer,
    from = this.#anySource,
    tags: { readonly send?: number; readonly receive?: number } = {},
  ): void {
    const incoming = this.Irecv(receive, from, tags.receive)
    this.Send(send, to, tags.send)
    incoming.wait()
  }

  // Messages: values.

  /** Sends any value to a rank. */
  send(value: unknown, to: number, tag = 0): void {
    this.isend(value, to, tag).wait()
  }

  /** The next value. */
  recv<Value = unknown>(from = this.#anySource, tag = this.#anyTag, status?: Status): Value {
    return messages.receiveValue(this.context, from, tag, status) as Value
  }

  /** As `send`, but returns at once. */
  isend(value: unknown, to: number, tag = 0): Request {
    return messages.sendValue(this.context, value, to, tag)
  }

  /** As `recv`, but returns at once: the request's `wait` or `completed` gives the value. */
  irecv(from = this.#anySource, tag = this.#anyTag): messages.ValueRequest {
    return messages.receiveValueLater(this.context, from, tag)
  }

  /** Sends a value and receives one at once: no order of ranks can make it wait for itself. */
  sendrecv<Value = unknown>(
    value: unknown,
    to: number,
    from = this.#anySource,
    tags: { readonly send?: number; readonly receive?: number } = {},
  ): Value {
    const outgoing = this.isend(value, to, tags.send)
    const received = this.recv<Value>(from, tags.receive)
    outgoing.wait()
    return received
  }

  /** Blocks until a message is there, and tells about it. */
  probe(from: number, tag: number, status: Status): void {
    messages.probe(this.context, from, tag, status)
  }

  /** Whether a message is there; `status` then tells about it. */
  iprobe(from: number, tag: number, status: Status): boolean {
    return messages.peek(this.context, from, tag, status)
  }

  // Collective calls: buffers.

  /** Waits for all ranks. */
  barrier(): void {
    collectives.barrier(this.context)
  }

  /** The root's buffer becomes everybody's. */
  Bcast(buffer: MPIBuffer, root = ROOT): void {
    collectives.bcast(this.context, buffer, root)
  }

  /** Equal parts of the root's buffer, one to each rank; the other ranks give `undefined` as `send`. */
  Scatter(send: MPIBuffer | undefined, receive: MPIBuffer, root = ROOT): void {
    collectives.scatter(this.context, send, receive, root)
  }

  /** As `Scatter`, with parts of different lengths: `send` says how long each is. */
  Scatterv(send: Parts | undefined, receive: MPIBuffer, root = ROOT): void {
    collectives.scatterv(this.context, send, receive, root)
  }

  /** Everybody's buffer, one after the other, in the root's; the other ranks give `undefined` as `receive`. */
  Gather(send: MPIBuffer, receive: MPIBuffer | undefined, root = ROOT): void {
    collectives.gather(this.context, send, receive, root)
  }

  /** As `Gather`, with parts of different lengths: `receive` says how long each is. */
  Gatherv(send: MPIBuffer, receive: Parts | undefined, root = ROOT): void {
    collectives.gatherv(this.context, send, receive, root)
  }

  /** Everybody's buffer, one after the other, on every rank. */
  Allgather(send: MPIBuffer, receive: MPIBuffer): void {
    collectives.allgather(this.context, send, receive)
  }

  /** As `Allgather`, with parts of different lengths: `receive` says how long each is. */
  Allgatherv(send: MPIBuffer, receive: Parts): void {
    collectives.allgatherv(this.context, send, receive)
  }

  /** All ranks' buffers combined element by element, in the root's; `MPI.IN_PLACE` at the root: it holds its part already. */
  Reduce(send: Sent, receive: MPIBuffer | undefined, op: Op = SUM, root = ROOT): void {
    collectives.reduce(this.context, send, receive, op, root)
  }

  /** All ranks' buffers combined element by element, on every rank; `MPI.IN_PLACE`: `receive` holds this rank's part. */
  Allreduce(send: Sent, receive: MPIBuffer, op: Op = SUM): void {
    collectives.reduceToAll(this.context, 'Allreduce', send, receive, op)
  }

  /** Each rank gets what the ranks up to it give together. */
  Scan(send: Sent, receive: MPIBuffer, op: Op = SUM): void {
    collectives.reduceToAll(this.context, 'Scan', send, receive, op)
  }

  /** Each rank gets what the ranks before it give together; the first one's buffer is left as it is. */
  Exscan(send: Sent, receive: MPIBuffer, op: Op = SUM): void {
    collectives.reduceToAll(this.context, 'Exscan', send, receive, op)
  }

  /** Part i of each rank's buffer goes to rank i. */
  Alltoall(send: MPIBuffer, receive: MPIBuffer): void {
    collectives.alltoall(this.context, send, receive)
  }

  /** As `Alltoall`, with parts of different lengths. */
  Alltoallv(send: Parts, receive: Parts): void {
    collectives.alltoallv(this.context, send, receive)
  }

  // Collective calls: values.

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

  // Communicators.

  /** Another communicator of the same processes. Collective. */
  dup(): Comm {
    const { native, gate, comm } = this.context
    gate.pass('dup')
    return new Comm(this.derive(native.handle('MPI_Comm_dup', comm)))
  }

  /**
   * Divides the processes: those that give one colour become a communicator, in the order of their keys. Collective.
   *
   * @param color - a whole number from 0, or undefined: none for this process.
   * @returns undefined where no colour was given.
   */
  split(color: number | undefined, key = this.rank): Comm | undefined {
    const { native, gate, comm } = this.context
    gate.pass('split')
    const made = native.handle('MPI_Comm_split', comm, color ?? native.abi.undefined, key)
    return color === undefined ? undefined : new Comm(this.derive(made))
  }

  /** Ends all processes of the cluster or program at once. */
  abort(exitCode = 1): void {
    this.context.native.call('MPI_Abort', this.context.comm, exitCode)
  }

  toString(): string {
    return `<${this.constructor.name} rank ${this.rank} of ${this.size}>`
  }

  [inspect.custom](): string {
    return this.toString()
  }

  /** The context of a communicator that was made from this one. Collective among its members. */
  protected derive(comm: number): Context {
    return newContext(this.context, comm, this.context.worldRanks[this.rank]!)
  }

  get #anySource(): number {
    return this.context.native.abi.anySource
  }

  get #anyTag(): number {
    return this.context.native.abi.anyTag
  }
}
