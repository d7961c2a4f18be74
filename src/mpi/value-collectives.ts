/** Collective calls on any values: serialized, their lengths told first. Reductions run in JavaScript, in the order of ranks. */

import { UsageError } from '../errors.ts'
import { together } from './collective-call.ts'
import type { Context } from './context.ts'
import type { Op } from './op.ts'
import { checkRank } from './point-to-point.ts'
import { bytesToValue, valueToBytes } from './values.ts'

const INT_MAX = 0x7fff_ffff

export function bcastValue(context: Context, value: unknown, root: number): unknown {
  const { native, comm, rank } = context
  const own = rank === root ? valueToBytes(value) : undefined
  const { INT32_T, BYTE } = native.abi.datatypes
  const bytes = togetherAt(context, 'bcast', root, () => {
    const length = Int32Array.of(own?.length ?? 0)
    native.call('MPI_Bcast', length, 1, INT32_T, root, comm)
    const bytes = own ?? Buffer.alloc(length[0]!)
    native.call('MPI_Bcast', bytes, bytes.length, BYTE, root, comm)
    return bytes
  })
  return own === undefined ? bytesToValue(bytes as Buffer) : value
}

export function scatterValues(
  context: Context,
  values: readonly unknown[] | undefined,
  root: number,
): unknown {
  const { native, comm, rank, size } = context
  const parts = rank === root ? packAll(values, size, 'scatter') : undefined
  const { INT32_T, BYTE } = native.abi.datatypes
  const { joined, lengths, starts } = join(parts)
  const bytes = togetherAt(context, 'scatter', root, () => {
    const length = new Int32Array(1)
    native.call('MPI_Scatter', lengths, 1, INT32_T, length, 1, INT32_T, root, comm)
    const bytes = Buffer.alloc(length[0]!)
    native.call('MPI_Scatterv', joined, lengths, starts, BYTE, bytes, bytes.length, BYTE, root, comm)
    return bytes
  })
  return bytesToValue(bytes)
}

export function gatherValues(context: Context, value: unknown, root: number): unknown[] | undefined {
  const { native, comm, rank, size } = context
  const own = valueToBytes(value)
  const { INT32_T, BYTE } = native.abi.datatypes
  const lengths = new Int32Array(rank === root ? size : 0)
  const all = togetherAt(context, 'gather', root, () => {
    native.call('MPI_Gather', Int32Array.of(own.length), 1, INT32_T, lengths, 1, INT32_T, root, comm)
    const all = Buffer.alloc(total(lengths))
    native.call('MPI_Gatherv', own, own.length, BYTE, all, lengths, startsOf(lengths), BYTE, root, comm)
    return all
  })
  return rank === root ? cut(all, lengths) : undefined
}

export function allgatherValues(context: Context, value: unknown, name = 'allgather'): unknown[] {
  const { native, comm, size } = context
  const own = valueToBytes(value)
  const { INT32_T, BYTE } = native.abi.datatypes
  const lengths = new Int32Array(size)
  const all = together(context, name, () => {
    native.call('MPI_Allgather', Int32Array.of(own.length), 1, INT32_T, lengths, 1, INT32_T, comm)
    const all = Buffer.alloc(total(lengths))
    native.call('MPI_Allgatherv', own, own.length, BYTE, all, lengths, startsOf(lengths), BYTE, comm)
    return all
  })
  return cut(all, lengths)
}

export function alltoallValues(context: Context, values: readonly unknown[]): unknown[] {
  const { native, comm, size } = context
  const sent = join(packAll(values, size, 'alltoall'))
  const { INT32_T, BYTE } = native.abi.datatypes
  const lengths = new Int32Array(size)
  const all = together(context, 'alltoall', () => {
    native.call('MPI_Alltoall', sent.lengths, 1, INT32_T, lengths, 1, INT32_T, comm)
    const all = Buffer.alloc(total(lengths))
    const received = [all, lengths, startsOf(lengths), BYTE] as const
    native.call('MPI_Alltoallv', sent.joined, sent.lengths, sent.starts, BYTE, ...received, comm)
    return all
  })
  return cut(all, lengths)
}

export function reduceValues(context: Context, value: unknown, op: Op, root: number): unknown {
  const all = gatherValues(context, value, root)
  return all?.reduce((sum, next) => op.apply(sum, next))
}

export function allreduceValues(context: Context, value: unknown, op: Op): unknown {
  return allgatherValues(context, value, `allreduce ${op.name}`).reduce((sum, next) => op.apply(sum, next))
}

/** @param isInclusive - whether the rank's own value counts. The first rank of an exclusive scan gets undefined. */
export function scanValues(context: Context, value: unknown, op: Op, isInclusive: boolean): unknown {
  const all = allgatherValues(context, value, `scan ${op.name}`)
  const before = all.slice(0, context.rank + (isInclusive ? 1 : 0))
  return before.length === 0 ? undefined : before.reduce((sum, next) => op.apply(sum, next))
}

function togetherAt<Result>(context: Context, name: string, root: number, call: () => Result): Result {
  checkRank(context, root)
  return together(context, `${name} with root ${root}`, call)
}

function packAll(values: readonly unknown[] | undefined, size: number, name: string): Uint8Array[] {
  if (values?.length !== size)
    throw new UsageError(`${name} needs ${size} values, one a rank, and got ${values?.length ?? 'none'}`)
  return values.map(valueToBytes)
}

function join(parts: readonly Uint8Array[] = []): {
  joined: Buffer
  lengths: Int32Array
  starts: Int32Array
} {
  const lengths = Int32Array.from(parts, part => part.length)
  total(lengths)
  return { joined: Buffer.concat(parts), lengths, starts: startsOf(lengths) }
}

function startsOf(lengths: Int32Array): Int32Array {
  const starts = new Int32Array(lengths.length)
  for (let i = 1; i < lengths.length; i++) starts[i] = starts[i - 1]! + lengths[i - 1]!
  return starts
}

function total(lengths: Int32Array): number {
  const sum = lengths.reduce((all, length) => all + length, 0)
  if (sum > INT_MAX)
    throw new UsageError(
      `values of ${sum} bytes together are more than one call of MPI can move: send buffers, or in parts`,
    )
  return sum
}

function cut(all: Buffer, lengths: Int32Array): unknown[] {
  const starts = startsOf(lengths)
  return Array.from(lengths, (length, i) => bytesToValue(all.subarray(starts[i], starts[i]! + length)))
}
