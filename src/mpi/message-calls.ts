import { UsageError } from '../errors.ts'
import type { MPIBuffer } from './buffers.ts'
import type { Context } from './context.ts'
import * as messages from './point-to-point.ts'
import type { Request } from './request.ts'
import { Status } from './status.ts'
import * as values from './value-messages.ts'

/** What belongs to an exchange beside what is exchanged. */
export interface Exchange {
  /** Tag of what is sent. Default 0. */
  readonly send?: number
  /** Tag of what is received. Default: any. */
  readonly receive?: number
  /** Is told about the message that came. */
  readonly status?: Status
}

/** A process among others, and the messages between two of them. See `Comm`. */
export class MessageCalls {
  readonly #context: Context
  #isFreed = false

  constructor(context: Context) {
    this.#context = context
  }

  /** This process's number, from 0. */
  get rank(): number {
    return this.#context.rank
  }

  /** How many processes there are. */
  get size(): number {
    return this.#context.size
  }

  /** Sends a buffer to a rank. Returns when it may be changed again. */
  Send(buffer: MPIBuffer, to: number, tag = 0): void {
    messages.sendBufferNow(this.context, 'MPI_Isend', buffer, to, tag)
  }

  /** As `Send`, but returns only when the receiver has begun to receive. */
  Ssend(buffer: MPIBuffer, to: number, tag = 0): void {
    messages.sendBufferNow(this.context, 'MPI_Issend', buffer, to, tag)
  }

  /** Fills a buffer, or its beginning, with the next message. */
  Recv(buffer: MPIBuffer, from = this.#anySource, tag = this.#anyTag, status?: Status): void {
    messages.receiveBuffer(this.context, buffer, from, tag).wait(status)
  }

  /** As `Send`, but returns at once: the buffer must not be changed before the request has ended. */
  Isend(buffer: MPIBuffer, to: number, tag = 0): Request {
    return messages.sendBuffer(this.context, 'MPI_Isend', buffer, to, tag)
  }

  /** As `Isend`, but the request ends only when the receiver has begun to receive. */
  Issend(buffer: MPIBuffer, to: number, tag = 0): Request {
    return messages.sendBuffer(this.context, 'MPI_Issend', buffer, to, tag)
  }

  /** As `Recv`, but returns at once: the buffer holds the message when the request has ended. */
  Irecv(buffer: MPIBuffer, from = this.#anySource, tag = this.#anyTag): Request {
    return messages.receiveBuffer(this.context, buffer, from, tag)
  }

  /** Sends and receives at once: no order of ranks can make it wait for itself. */
  Sendrecv(
    send: MPIBuffer,
    to: number,
    receive: MPIBuffer,
    from = this.#anySource,
    exchange: Exchange = {},
  ): void {
    const incoming = this.Irecv(receive, from, exchange.receive)
    this.Send(send, to, exchange.send)
    incoming.wait(exchange.status)
  }

  /** Sends any value to a rank. */
  send(value: unknown, to: number, tag = 0): void {
    this.isend(value, to, tag).wait()
  }

  /** As `send`, but returns only when the receiver has begun to receive. */
  ssend(value: unknown, to: number, tag = 0): void {
    this.issend(value, to, tag).wait()
  }

  /** The next value. From `MPI.PROC_NULL`: undefined. */
  recv<Value = unknown>(from = this.#anySource, tag = this.#anyTag, status?: Status): Value {
    return values.receiveValue(this.context, from, tag, status) as Value
  }

  /** As `send`, but returns at once. */
  isend(value: unknown, to: number, tag = 0): Request {
    return messages.sendValue(this.context, 'MPI_Isend', value, to, tag)
  }

  /** As `isend`, but the request ends only when the receiver has begun to receive. */
  issend(value: unknown, to: number, tag = 0): Request {
    return messages.sendValue(this.context, 'MPI_Issend', value, to, tag)
  }

  /** As `recv`, but returns at once: the request's `wait` or `completed` gives the value. */
  irecv<Value = unknown>(from = this.#anySource, tag = this.#anyTag): Request<Value> {
    return values.receiveValueLater(this.context, from, tag) as Request<unknown> as Request<Value>
  }

  /** Sends a value and receives one at once: no order of ranks can make it wait for itself. */
  sendrecv<Value = unknown>(
    value: unknown,
    to: number,
    from = this.#anySource,
    exchange: Exchange = {},
  ): Value {
    const outgoing = this.isend(value, to, exchange.send)
    const received = this.recv<Value>(from, exchange.receive, exchange.status)
    outgoing.wait()
    return received
  }

  /** Blocks until a message is there, and tells about it: `count` is in bytes. */
  probe(from = this.#anySource, tag = this.#anyTag, status = new Status()): void {
    values.probe(this.context, from, tag, status)
  }

  /** Whether a message is there; `status` then tells about it, its `count` in bytes. */
  iprobe(from = this.#anySource, tag = this.#anyTag, status = new Status()): boolean {
    return values.probeNow(this.context, from, tag, status)
  }

  /** @throws UsageError when it was freed. */
  protected get context(): Context {
    if (this.#isFreed) throw new UsageError('this communicator was freed: nothing can be sent in it any more')
    return this.#context
  }

  /** From now on no method can be called. */
  protected close(): void {
    this.#isFreed = true
  }

  get #anySource(): number {
    return this.#context.native.abi.anySource
  }

  get #anyTag(): number {
    return this.#context.native.abi.anyTag
  }
}
