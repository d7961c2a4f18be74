/**
 * Collective calls on buffers. The library moves and combines them itself, without a copy of ours; before it does, all
 * ranks pass the gate, which also compares what they are about to call.
 */

import { UsageError } from '../errors.ts'
import { type MPIBuffer, type Segment, segmentOf } from './buffers.ts'
import type { Context } from './context.ts'
import type { BufferArgument } from './functions.ts'
import type { Op } from './op.ts'

/** Stands for the buffer to send: it is in the one to receive already. */
export const IN_PLACE: unique symbol = Symbol.for('itsparallel.mpi.IN_PLACE')
/** What a reduction is given: a buffer, or `MPI.IN_PLACE` where it is in the receiving one already. */
export type Sent = MPIBuffer | typeof IN_PLACE

/** Parts of different lengths in one buffer. */
export interface Parts {
  readonly buffer: MPIBuffer
  /** Elements for or from each rank. */
  readonly counts: readonly number[]
  /** Where each part begins, in elements. Default: one after the other. */
  readonly displacements?: readonly number[]
}

interface Vector extends Segment {
  readonly counts: Int32Array
  readonly displacements: Int32Array
}

export function barrier(context: Context): void {
  context.gate.pass('Barrier')
}

export function bcast(context: Context, buffer: MPIBuffer, root: number): void {
  const { native, comm } = context
  const { data, count, datatype } = segmentOf(buffer, native.abi)
  enter(context, 'Bcast', root, sizeText(data, count))
  native.call('MPI_Bcast', data, count, datatype, root, comm)
}

export function scatter(
  context: Context,
  send: MPIBuffer | undefined,
  receive: MPIBuffer,
  root: number,
): void {
  const { native, comm, size } = context
  const to = segmentOf(receive, native.abi)
  const from = atRoot(context, root, send, 'scatter')
  if (from !== undefined) checkLength('Scatter', from, to.count * size)
  enter(context, 'Scatter', root, sizeText(to.data, to.count))
  native.call('MPI_Scatter', ...argumentsOf(from, to.count), to.data, to.count, to.datatype, root, comm)
}

export function scatterv(context: Context, send: Parts | undefined, receive: MPIBuffer, root: number): void {
  const { native, comm } = context
  const to = segmentOf(receive, native.abi)
  const from = partsAtRoot(context, root, send, 'Scatterv')
  enter(context, 'Scatterv', root)
  native.call('MPI_Scatterv', ...vectorArguments(from), to.data, to.count, to.datatype, root, comm)
}

export function gather(
  context: Context,
  send: MPIBuffer,
  receive: MPIBuffer | undefined,
  root: number,
): void {
  const { native, comm, size } = context
  const from = segmentOf(send, native.abi)
  const to = atRoot(context, root, receive, 'gather')
  if (to !== undefined) checkLength('Gather', to, from.count * size)
  enter(context, 'Gather', root, sizeText(from.data, from.count))
  native.call('MPI_Gather', from.data, from.count, from.datatype, ...argumentsOf(to, from.count), root, comm)
}

export function gatherv(context: Context, send: MPIBuffer, receive: Parts | undefined, root: number): void {
  const { native, comm } = context
  const from = segmentOf(send, native.abi)
  const to = partsAtRoot(context, root, receive, 'Gatherv')
  enter(context, 'Gatherv', root)
  native.call('MPI_Gatherv', from.data, from.count, from.datatype, ...vectorArguments(to), root, comm)
}

export function allgather(context: Context, send: MPIBuffer, receive: MPIBuffer): void {
  const { native, comm, size } = context
  const from = segmentOf(send, native.abi)
  const to = segmentOf(receive, native.abi)
  checkLength('Allgather', to, from.count * size)
  enter(context, 'Allgather', undefined, sizeText(from.data, from.count))
  native.call('MPI_Allgather', from.data, from.count, from.datatype, to.data, from.count, to.datatype, comm)
}

export function allgatherv(context: Context, send: MPIBuffer, receive: Parts): void {
  const { native, comm } = context
  const from = segmentOf(send, native.abi)
  const to = vectorOf(context, receive, 'Allgatherv')
  enter(context, 'Allgatherv')
  native.call('MPI_Allgatherv', from.data, from.count, from.datatype, ...vectorArguments(to), comm)
}

export function reduce(
  context: Context,
  send: Sent,
  receive: MPIBuffer | undefined,
  op: Op,
  root: number,
): void {
  const { native, comm, rank, operations } = context
  const to = rank === root ? atRoot(context, root, receive, 'reduce') : undefined
  const from = send === IN_PLACE ? to! : segmentOf(send, native.abi)
  if (to !== undefined) checkLength('Reduce', to, from.count)
  enter(context, `Reduce ${op.name}`, root, sizeText(from.data, from.count))
  operations.with(op, from, ({ operation, datatype, count }) => {
    const sent = send === IN_PLACE ? native.abi.inPlace : from.data
    native.call('MPI_Reduce', sent, to?.data ?? null, count, datatype, operation, root, comm)
  })
}

/** Reductions whose result every rank gets: over all ranks, those up to it, or those before it. */
export function reduceToAll(
  context: Context,
  name: 'Allreduce' | 'Scan' | 'Exscan',
  send: Sent,
  receive: MPIBuffer,
  op: Op,
): void {
  const { native, comm, operations } = context
  const to = segmentOf(receive, native.abi)
  if (send !== IN_PLACE) checkLength(name, segmentOf(send, native.abi), to.count)
  enter(context, `${name} ${op.name}`, undefined, sizeText(to.data, to.count))
  operations.with(op, to, ({ operation, datatype, count }) => {
    const sent = send === IN_PLACE ? native.abi.inPlace : segmentOf(send, native.abi).data
    native.call(`MPI_${name}`, sent, to.data, count, datatype, operation, comm)
  })
}

export function alltoall(context: Context, send: MPIBuffer, receive: MPIBuffer): void {
  const { native, comm, size } = context
  const from = segmentOf(send, native.abi)
  const to = segmentOf(receive, native.abi)
  const part = from.count / size
  if (!Number.isInteger(part))
    throw new UsageError(
      `Alltoall sends equal parts to ${size} ranks, and the buffer has ${from.count} elements`,
    )
  checkLength('Alltoall', to, from.count)
  enter(context, 'Alltoall', undefined, sizeText(from.data, from.count))
  native.call('MPI_Alltoall', from.data, part, from.datatype, to.data, part, to.datatype, comm)
}

export function alltoallv(context: Context, send: Parts, receive: Parts): void {
  const from = vectorOf(context, send, 'Alltoallv')
  const to = vectorOf(context, receive, 'Alltoallv')
  enter(context, 'Alltoallv')
  context.native.call('MPI_Alltoallv', ...vectorArguments(from), ...vectorArguments(to), context.comm)
}

function enter({ gate, size }: Context, name: string, root?: number, what = ''): void {
  if (root !== undefined && !(Number.isInteger(root) && root >= 0 && root < size))
    throw new UsageError(`there is no rank ${root} in a communicator of ${size}`)
  gate.pass(root === undefined ? `${name}${what}` : `${name}${what} with root ${root}`)
}

/** Sizes in bytes: ranks may call one thing by different types. */
function sizeText(
  data: { readonly BYTES_PER_ELEMENT: number; readonly length: number },
  count: number,
): string {
  const width = count === 0 ? 1 : data.length / count
  return ` of ${count * width * data.BYTES_PER_ELEMENT} bytes`
}

function atRoot(
  { rank, native }: Context,
  root: number,
  buffer: MPIBuffer | undefined,
  name: string,
): Segment | undefined {
  if (rank !== root) return undefined
  if (buffer === undefined) throw new UsageError(`the root of ${name} needs both buffers`)
  return segmentOf(buffer, native.abi)
}

function partsAtRoot(
  context: Context,
  root: number,
  parts: Parts | undefined,
  name: string,
): Vector | undefined {
  if (context.rank !== root) return undefined
  if (parts === undefined) throw new UsageError(`the root of ${name} needs the parts as well`)
  return vectorOf(context, parts, name)
}

function vectorOf({ size, native }: Context, { buffer, counts, displacements }: Parts, name: string): Vector {
  const segment = segmentOf(buffer, native.abi)
  if (counts.length !== size)
    throw new UsageError(`${name} needs ${size} counts, one a rank, not ${counts.length}`)
  const starts =
    displacements ?? counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0))
  for (const [i, count] of counts.entries()) {
    if (!(count >= 0 && starts[i]! >= 0 && starts[i]! + count <= segment.count))
      throw new UsageError(
        `part ${i} of ${name} lies outside its buffer: ${count} elements from ${starts[i]} of ${segment.count}`,
      )
  }
  return { ...segment, counts: Int32Array.from(counts), displacements: Int32Array.from(starts) }
}

function checkLength(name: string, { count }: Segment, wanted: number): void {
  if (count !== wanted)
    throw new UsageError(`a buffer of ${name} must have ${wanted} elements here, and has ${count}`)
}

type Plain = [BufferArgument, number, number]

/** Where only the root's buffer counts, the others give none. */
function argumentsOf(segment: Segment | undefined, count: number): Plain {
  return segment === undefined ? [null, 0, 0] : [segment.data, count, segment.datatype]
}

function vectorArguments(
  vector: Vector | undefined,
): [BufferArgument, BufferArgument, BufferArgument, number] {
  if (vector === undefined) return [null, null, null, 0]
  return [vector.data, vector.counts, vector.displacements, vector.datatype]
}
