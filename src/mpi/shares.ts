/** What one rank gives to a collective call or gets from it, as the C functions take it. */

import { UsageError } from '../errors.ts'
import { type MPIBuffer, type Segment, segmentOf } from './buffers.ts'
import type { Context } from './context.ts'
import type { Argument, BufferArgument } from './functions.ts'
import { checkRank } from './point-to-point.ts'

/** Stands for one of the two buffers: what it would hold is in the other. */
export const IN_PLACE: unique symbol = Symbol.for('itsparallel.mpi.IN_PLACE')
/** The type of `MPI.IN_PLACE`. */
export type InPlace = typeof IN_PLACE

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

/** A whole segment, or its part of one that is in place. */
interface Share {
  readonly address: BufferArgument
  readonly count: number
  readonly datatype: number
  readonly bytes: number
}

/**
 * What a rank gives of its own, or gets for itself.
 *
 * @param whole - the buffer of all ranks' shares, where this rank has it.
 * @param parts - how many equal shares it has.
 * @throws UsageError when the two are of different types, or one is to be in place of nothing.
 */
export function shareOf(
  { native }: Context,
  name: string,
  buffer: MPIBuffer | InPlace,
  whole: Segment | undefined,
  parts = 1,
): Share {
  if (buffer !== IN_PLACE) {
    const segment = segmentOf(buffer, native.abi)
    if (whole !== undefined) checkAlike(name, segment, whole)
    const { data, count, datatype } = segment
    return { address: data, count, datatype, bytes: data.byteLength }
  }
  if (whole === undefined)
    throw new UsageError(`MPI.IN_PLACE in ${name} is for the root: no other rank has a buffer of both`)
  const { data, count, datatype } = whole
  return { address: native.abi.inPlace, count: count / parts, datatype, bytes: data.byteLength / parts }
}

/** The root's buffer; undefined elsewhere. @throws UsageError when the root has none. */
export function atRoot(
  context: Context,
  name: string,
  root: number,
  buffer: MPIBuffer | undefined,
): Segment | undefined {
  checkRank(context, root)
  if (context.rank !== root) return undefined
  if (buffer === undefined) throw new UsageError(`the root of ${name} needs both buffers`)
  return segmentOf(buffer, context.native.abi)
}

/** As `atRoot`, of several parts. */
export function partsAtRoot(
  context: Context,
  name: string,
  root: number,
  parts: Parts | undefined,
): Vector | undefined {
  checkRank(context, root)
  if (context.rank !== root) return undefined
  if (parts === undefined) throw new UsageError(`the root of ${name} needs the parts as well`)
  return vectorOf(context, name, parts)
}

/** @throws UsageError when a part lies outside its buffer. */
export function vectorOf(context: Context, name: string, { buffer, counts, displacements }: Parts): Vector {
  const segment = segmentOf(buffer, context.native.abi)
  checkCounts(context, name, counts)
  const starts = displacements ?? startsOf(counts)
  for (const [i, count] of counts.entries()) {
    if (!(starts[i]! >= 0 && starts[i]! + count <= segment.count))
      throw new UsageError(
        `part ${i} of ${name} lies outside its buffer: ${count} elements from ${starts[i]} of ${segment.count}`,
      )
  }
  return { ...segment, counts: Int32Array.from(counts), displacements: Int32Array.from(starts) }
}

function startsOf(counts: readonly number[]): number[] {
  let next = 0
  return counts.map(count => {
    const start = next
    next += count
    return start
  })
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0)
}

export function checkCounts({ size }: Context, name: string, counts: readonly number[]): void {
  if (counts.length !== size)
    throw new UsageError(`${name} needs ${size} counts, one a rank, not ${counts.length}`)
  const wrong = counts.find(count => !(Number.isInteger(count) && count >= 0))
  if (wrong !== undefined)
    throw new UsageError(`a count of elements is a whole number from 0, not ${wrong} as in ${name}`)
}

export function checkLength(name: string, { count }: Segment, wanted: number): void {
  if (count !== wanted)
    throw new UsageError(`a buffer of ${name} must have ${wanted} elements here, and has ${count}`)
}

export function checkAlike(name: string, a: Segment, b: Segment): void {
  if (a.kind !== b.kind)
    throw new UsageError(`the buffers of ${name} are of different types: ${a.kind} and ${b.kind}`)
}

export function shareArguments({ address, count, datatype }: Share): Argument[] {
  return [address, count, datatype]
}

/** Where only the root's buffer counts, the others give none. */
export function segmentArguments(segment: Segment | undefined, count: number): Argument[] {
  return segment === undefined ? [null, 0, 0] : [segment.data, count, segment.datatype]
}

export function vectorArguments(vector: Vector | undefined): [BufferArgument, ...Argument[]] {
  if (vector === undefined) return [null, null, null, 0]
  return [vector.data, vector.counts, vector.displacements, vector.datatype]
}
