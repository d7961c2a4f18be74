import { UsageError } from '../errors.ts'
import { type MPIBuffer, segmentOf } from './buffers.ts'
import type { Context } from './context.ts'
import { type Request, startRequest } from './request.ts'
import { Status } from './status.ts'
import { bytesToValue, valueToBytes } from './values.ts'

/** Messages from one rank to another. Ranks are those of the communicator. */

/** Tags that MPI guarantees go up to this. */
const TAG_MAX = 32_767

export function sendBuffer(
  context: Context,
  kind: 'MPI_Isend' | 'MPI_Issend',
  buffer: MPIBuffer,
  to: number,
  tag: number,
): Request {
  const { native, progress, comm } = context
  const { data, count, datatype } = segmentOf(buffer, native.abi)
  checkTag(tag)
  const options = { native, progress, memory: data, partners: partnersOf(context, to), finish: () => {} }
  return startRequest(options, kind, count, datatype, checkRank(context, to), tag, comm)
}

export function receiveBuffer(
  context: Context,
  buffer: MPIBuffer,
  from: number,
  tag: number,
  status?: Status,
): Request {
  const { native, progress, comm } = context
  const { data, count, datatype } = segmentOf(buffer, native.abi)
  const finish = (): void => {
    if (status !== undefined)
      Object.assign(status, { source: native.source, tag: native.tag, count: native.count(datatype) })
  }
  const options = { native, progress, memory: data, partners: partnersOf(context, from), finish }
  return startRequest(options, 'MPI_Irecv', count, datatype, checkRank(context, from), tag, comm)
}

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
