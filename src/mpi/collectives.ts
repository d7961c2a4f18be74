/**
 * Collective calls on buffers. Each function checks what it is given and prepares the call of the library, which moves
 * and combines the buffers itself, without a copy of ours. How a call is made, now or in the background, is in
 * `collective-call.ts`.
 */

import { UsageError } from '../errors.ts'
import { type MPIBuffer, segmentOf } from './buffers.ts'
import type { CollectiveCall } from './collective-call.ts'
import type { Context } from './context.ts'
import type { Op } from './op.ts'
import { checkRank } from './point-to-point.ts'
import {
  atRoot,
  checkAlike,
  checkCounts,
  checkLength,
  IN_PLACE,
  type InPlace,
  type Parts,
  partsAtRoot,
  segmentArguments,
  shareArguments,
  shareOf,
  sum,
  vectorArguments,
  vectorOf,
} from './shares.ts'

export function bcast(context: Context, buffer: MPIBuffer, root: number): CollectiveCall {
  checkRank(context, root)
  const { data, count, datatype } = segmentOf(buffer, context.native.abi)
  return { name: 'Bcast', terms: terms('Bcast', data.byteLength, root), args: [data, count, datatype, root] }
}

export function scatter(
  context: Context,
  send: MPIBuffer | undefined,
  receive: MPIBuffer | InPlace,
  root: number,
): CollectiveCall {
  const from = atRoot(context, 'Scatter', root, send)
  const to = shareOf(context, 'Scatter', receive, from, context.size)
  if (from !== undefined) checkLength('Scatter', from, to.count * context.size)
  const args = [...segmentArguments(from, to.count), ...shareArguments(to), root]
  return { name: 'Scatter', terms: terms('Scatter', to.bytes, root), args }
}

export function scatterv(
  context: Context,
  send: Parts | undefined,
  receive: MPIBuffer | InPlace,
  root: number,
): CollectiveCall {
  const from = partsAtRoot(context, 'Scatterv', root, send)
  const to = shareOf(context, 'Scatterv', receive, from)
  const args = [...vectorArguments(from), ...shareArguments(to), root]
  return { name: 'Scatterv', terms: terms('Scatterv', undefined, root), args }
}

export function gather(
  context: Context,
  send: MPIBuffer | InPlace,
  receive: MPIBuffer | undefined,
  root: number,
): CollectiveCall {
  const to = atRoot(context, 'Gather', root, receive)
  const from = shareOf(context, 'Gather', send, to, context.size)
  if (to !== undefined) checkLength('Gather', to, from.count * context.size)
  const args = [...shareArguments(from), ...segmentArguments(to, from.count), root]
  return { name: 'Gather', terms: terms('Gather', from.bytes, root), args }
}

export function gatherv(
  context: Context,
  send: MPIBuffer | InPlace,
  receive: Parts | undefined,
  root: number,
): CollectiveCall {
  const to = partsAtRoot(context, 'Gatherv', root, receive)
  const from = shareOf(context, 'Gatherv', send, to)
  const args = [...shareArguments(from), ...vectorArguments(to), root]
  return { name: 'Gatherv', terms: terms('Gatherv', undefined, root), args }
}

export function allgather(context: Context, send: MPIBuffer | InPlace, receive: MPIBuffer): CollectiveCall {
  const to = segmentOf(receive, context.native.abi)
  const from = shareOf(context, 'Allgather', send, to, context.size)
  checkLength('Allgather', to, from.count * context.size)
  const args = [...shareArguments(from), ...segmentArguments(to, from.count)]
  return { name: 'Allgather', terms: terms('Allgather', from.bytes), args }
}

export function allgatherv(context: Context, send: MPIBuffer | InPlace, receive: Parts): CollectiveCall {
  const to = vectorOf(context, 'Allgatherv', receive)
  const from = shareOf(context, 'Allgatherv', send, to)
  return {
    name: 'Allgatherv',
    terms: terms('Allgatherv'),
    args: [...shareArguments(from), ...vectorArguments(to)],
  }
}

export function alltoall(context: Context, send: MPIBuffer | InPlace, receive: MPIBuffer): CollectiveCall {
  const to = segmentOf(receive, context.native.abi)
  const from = shareOf(context, 'Alltoall', send, to)
  checkLength('Alltoall', to, from.count)
  const part = from.count / context.size
  if (!Number.isInteger(part))
    throw new UsageError(
      `Alltoall sends equal parts to ${context.size} ranks, and the buffer has ${from.count} elements`,
    )
  const args = [from.address, part, from.datatype, ...segmentArguments(to, part)]
  return { name: 'Alltoall', terms: terms('Alltoall', from.bytes), args }
}

export function alltoallv(context: Context, send: Parts | InPlace, receive: Parts): CollectiveCall {
  const to = vectorOf(context, 'Alltoallv', receive)
  const from = send === IN_PLACE ? to : vectorOf(context, 'Alltoallv', send)
  checkAlike('Alltoallv', from, to)
  const [data, ...layout] = vectorArguments(from)
  const address = send === IN_PLACE ? context.native.abi.inPlace : data
  return {
    name: 'Alltoallv',
    terms: terms('Alltoallv'),
    args: [address, ...layout, ...vectorArguments(to)],
  }
}

export function reduce(
  context: Context,
  send: MPIBuffer | InPlace,
  receive: MPIBuffer | undefined,
  op: Op,
  root: number,
): CollectiveCall {
  const to = atRoot(context, 'Reduce', root, receive)
  const from = shareOf(context, 'Reduce', send, to)
  if (to !== undefined) checkLength('Reduce', to, from.count)
  const segment = to ?? segmentOf(send as MPIBuffer, context.native.abi)
  const { operation, datatype, step } = context.operations.reduction(op, segment)
  const args = [from.address, to?.data ?? null, from.count / step, datatype, operation, root]
  return { name: 'Reduce', terms: terms(`Reduce ${op.name}`, from.bytes, root), args }
}

/** Reductions whose result every rank gets: over all ranks, those up to it, or those before it. */
export function reduceToAll(
  context: Context,
  name: 'Allreduce' | 'Scan' | 'Exscan',
  send: MPIBuffer | InPlace,
  receive: MPIBuffer,
  op: Op,
): CollectiveCall {
  const to = segmentOf(receive, context.native.abi)
  const from = shareOf(context, name, send, to)
  checkLength(name, to, from.count)
  const { operation, datatype, step } = context.operations.reduction(op, to)
  const args = [from.address, to.data, to.count / step, datatype, operation]
  return { name, terms: terms(`${name} ${op.name}`, from.bytes), args }
}

/** @param counts - elements of the result for each rank; undefined: as many for each. */
export function reduceScatter(
  context: Context,
  send: MPIBuffer | InPlace,
  receive: MPIBuffer,
  op: Op,
  counts: readonly number[] | undefined,
): CollectiveCall {
  const { size, rank, native } = context
  const to = segmentOf(receive, native.abi)
  const from = shareOf(context, 'ReduceScatter', send, to)
  const parts = counts ?? Array<number>(size).fill(from.count / size)
  checkCounts(context, 'ReduceScatter', parts)
  if (sum(parts) !== from.count)
    throw new UsageError(
      `the parts of ReduceScatter have ${sum(parts)} elements together, and the buffer has ${from.count}`,
    )
  if (send !== IN_PLACE) checkLength('ReduceScatter', to, parts[rank]!)
  const { operation, datatype, step } = context.operations.reduction(op, to)
  if (parts.some(count => count % step !== 0))
    throw new UsageError(`${op.name} works on pairs, and a part of ReduceScatter has an odd length`)
  const each = Int32Array.from(parts, count => count / step)
  return {
    name: 'Reduce_scatter',
    terms: terms(`ReduceScatter ${op.name}`, from.bytes),
    args: [from.address, to.data, each, datatype, operation],
  }
}

/** What the ranks must agree about. Sizes are in bytes: they may call one thing by different types. */
function terms(name: string, bytes?: number, root?: number): string {
  const size = bytes === undefined ? '' : ` of ${bytes} bytes`
  return root === undefined ? name + size : `${name}${size} with root ${root}`
}
