import { UsageError } from '../errors.ts'
import { type MPIBuffer, type Segment, segmentOf } from './buffers.ts'
import type { Context } from './context.ts'
import { Request } from './request.ts'
import { Status } from './status.ts'
import { bytesToValue, valueToBytes } from './values.ts'

/** Messages from one rank to another. Ranks are those of the communicator. */

/** Tags that MPI guarantees go up to this. */
const TAG_MAX = 32_767

type SendName = 'MPI_Isend' | 'MPI_Issend'

/** Starts to send. */
export function sendBuffer(
  context: Context,
  kind: SendName,
  buffer: MPIBuffer,
  to: number,
  tag: number,
): Request {
  const segment = segmentOf(buffer, context.native.abi)
  return requestOf(context, startSend(context, kind, segment, to, tag), segment, to, nothing)
}

/** Sends, and waits until the buffer may be changed. A request is made only where there is something to wait for. */
export function sendBufferNow(
  context: Context,
  kind: SendName,
  buffer: MPIBuffer,
  to: number,
  tag: number,
): void {
  const { native } = context
  const segment = segmentOf(buffer, native.abi)
  const cell = startSend(context, kind, segment, to, tag)
  if (native.test(cell)) native.release(cell)
  else requestOf(context, cell, segment, to, nothing).wait()
}

/** Starts to receive. */
export function receiveBuffer(
  context: Context,
  buffer: MPIBuffer,
  from: number,
  tag: number,
  status?: Status,
): Request {
  const { native, comm } = context
  const segment = segmentOf(buffer, native.abi)
  const { data, count, datatype } = segment
  const cell = native.request('MPI_Irecv', data, count, datatype, checkRank(context, from), tag, comm)
  const finish = (): void => {
    if (status !== undefined)
      Object.assign(status, { source: native.source, tag: native.tag, count: native.count(datatype) })
  }
  return requestOf(context, cell, segment, from, finish)
}

function startSend(
  context: Context,
  kind: SendName,
  { data, count, datatype }: Segment,
  to: number,
  tag: number,
): Int32Array {
  checkTag(tag)
  return context.native.request(kind, data, count, datatype, checkRank(context, to), tag, context.comm)
}

function requestOf(
  context: Context,
  cell: Int32Array,
  { data }: Segment,
  partner: number,
  finish: () => void,
): Request {
  const { native, progress } = context
  return new Request({ native, progress, cell, memory: data, partners: partnersOf(context, partner), finish })
}

function nothing(): void {}

export function sendValue(context: Context, value: unknown, to: number, tag: number): Request {
  return sendBuffer(context, 'MPI_Isend', valueToBytes(value) as Uint8Array<ArrayBuffer>, to, tag)
}

/** Waits for a value's message, which tells its length, and then for all of it. */
export function receiveValue(context: Context, from: number, tag: number, status = new Status()): unknown {
  probe(context, from, tag, status)
  return takeValue(context, status)
}

/** A receive that begins when its message is there: how long it is is not known before. */
export function receiveValueLater(context: Context, from: number, tag: number): ValueRequest {
  return new ValueRequest(context, checkRank(context, from), tag)
}

/** A value that is to be received. */
export class ValueRequest {
  readonly #context: Context
  readonly #from: number
  readonly #tag: number
  #value: { readonly value: unknown; readonly status: Status } | undefined

  constructor(context: Context, from: number, tag: number) {
    this.#context = context
    this.#from = from
    this.#tag = tag
  }

  /** Blocks until it is there. @throws MPIError */
  wait(status?: Status): unknown {
    this.#context.progress.wait(() => this.test(), partnersOf(this.#context, this.#from))
    if (status !== undefined) Object.assign(status, this.#value!.status)
    return this.#value!.value
  }

  /** Whether it is there; does not block. @throws MPIError */
  test(): boolean {
    if (this.#value !== undefined) return true
    const status = new Status()
    if (!peek(this.#context, this.#from, this.#tag, status)) return false
    this.#value = { value: takeValue(this.#context, status), status }
    return true
  }
}

/** Blocks until a message is there, and tells about it. */
export function probe(context: Context, from: number, tag: number, status: Status): void {
  context.progress.wait(() => peek(context, from, tag, status), partnersOf(context, from))
}

/** Whether a message is there, and what is known of it. */
export function peek(context: Context, from: number, tag: number, status: Status): boolean {
  const { native, comm } = context
  if (!native.probe(checkRank(context, from), tag, comm)) return false
  status.source = native.source
  status.tag = native.tag
  status.count = native.count(native.abi.datatypes.UINT8_T)
  return true
}

function takeValue(context: Context, { source, tag, count }: Status): unknown {
  // Odd lengths of buffers have no count of bytes; they are no values either.
  const bytes = Buffer.alloc(Math.max(0, count))
  receiveBuffer(context, bytes, source, tag).wait()
  return bytesToValue(bytes)
}

function checkRank({ size, native }: Context, rank: number): number {
  const { procNull, anySource } = native.abi
  if (Number.isInteger(rank) && ((rank >= 0 && rank < size) || rank === procNull || rank === anySource))
    return rank
  throw new UsageError(`there is no rank ${rank} in a communicator of ${size}`)
}

function checkTag(tag: number): void {
  if (!(Number.isInteger(tag) && tag >= 0 && tag <= TAG_MAX))
    throw new UsageError(`a tag is a whole number from 0 to ${TAG_MAX}, not ${tag}`)
}

function partnersOf({ worldRanks }: Context, rank: number): readonly number[] | undefined {
  return rank >= 0 ? [worldRanks[rank]!] : undefined
}
