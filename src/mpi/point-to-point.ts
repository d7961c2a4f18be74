/** Messages from one rank to another. Ranks are those of the communicator. */

import { UsageError } from '../errors.ts'
import { type MPIBuffer, type Segment, segmentOf } from './buffers.ts'
import type { Context } from './context.ts'
import { NativeRequest, type Request } from './request.ts'
import { Status } from './status.ts'
import { valueToBytes } from './values.ts'

/** Tags that MPI guarantees go up to this. */
const TAG_MAX = 32_767

export type SendName = 'MPI_Isend' | 'MPI_Issend'

/** Starts to send. */
export function sendBuffer(
  context: Context,
  kind: SendName,
  buffer: MPIBuffer,
  to: number,
  tag: number,
): Request {
  const segment = segmentOf(buffer, context.native.abi)
  return sendRequest(context, startSend(context, kind, segment, to, tag), segment, to)
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
  else sendRequest(context, cell, segment, to).wait()
}

/** Starts to send any value. */
export function sendValue(
  context: Context,
  kind: SendName,
  value: unknown,
  to: number,
  tag: number,
): Request {
  return sendBuffer(context, kind, valueToBytes(value) as Uint8Array<ArrayBuffer>, to, tag)
}

/** Starts to receive. */
export function receiveBuffer(context: Context, buffer: MPIBuffer, from: number, tag: number): Request {
  const { native, progress, comm } = context
  const { data, count, datatype } = segmentOf(buffer, native.abi)
  checkSource(context, from)
  checkTagToReceive(context, tag)
  const cell = native.request('MPI_Irecv', data, count, datatype, from, tag, comm)
  // Of a message from nobody MPICH has nothing to say.
  const isFromNobody = from === native.abi.procNull
  const finish = () =>
    isFromNobody
      ? { source: from, tag: native.abi.anyTag, count: 0 }
      : { source: native.source, tag: native.tag, count: native.count(datatype) }
  return new NativeRequest({
    native,
    progress,
    cell,
    memory: [data],
    partners: partnersOf(context, from),
    finish,
  })
}

/** Whether a message is there, and what is known of it. */
export function peek(context: Context, from: number, tag: number, status: Status): boolean {
  const { native, comm } = context
  checkSource(context, from)
  checkTagToReceive(context, tag)
  if (!native.probe(from, tag, comm)) return false
  status.source = native.source
  status.tag = native.tag
  status.count = native.count(native.abi.datatypes.UINT8_T)
  return true
}

function startSend(
  context: Context,
  kind: SendName,
  { data, count, datatype }: Segment,
  to: number,
  tag: number,
): Int32Array {
  const { native, comm } = context
  if (to !== native.abi.procNull) checkRank(context, to)
  if (!isTag(tag)) throw new UsageError(`a tag is a whole number from 0 to ${TAG_MAX}, not ${tag}`)
  return native.request(kind, data, count, datatype, to, tag, comm)
}

function sendRequest(context: Context, cell: Int32Array, { data }: Segment, to: number): Request {
  const { native, progress } = context
  const partners = partnersOf(context, to)
  return new NativeRequest({ native, progress, cell, memory: [data], partners, finish: () => new Status() })
}

/** @throws UsageError where nobody of that number can send. */
export function checkSource(context: Context, from: number): number {
  const { anySource, procNull } = context.native.abi
  return from === anySource || from === procNull ? from : checkRank(context, from)
}

/** @throws UsageError where nobody of that number is in the communicator. */
export function checkRank({ size }: Context, rank: number): number {
  if (Number.isInteger(rank) && rank >= 0 && rank < size) return rank
  throw new UsageError(`there is no rank ${rank} in a communicator of ${size}`)
}

/** @throws UsageError where no message has that tag. */
export function checkTagToReceive({ native }: Context, tag: number): number {
  if (isTag(tag) || tag === native.abi.anyTag) return tag
  throw new UsageError(`a tag is a whole number from 0 to ${TAG_MAX}, or MPI.ANY_TAG, not ${tag}`)
}

function isTag(tag: number): boolean {
  return Number.isInteger(tag) && tag >= 0 && tag <= TAG_MAX
}

/** Ranks in COMM_WORLD without which no message comes from, or goes to, this one. */
export function partnersOf({ worldRanks }: Context, rank: number): readonly number[] | undefined {
  return rank >= 0 ? [worldRanks[rank]!] : undefined
}
