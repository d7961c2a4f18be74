import type { NDArray } from '../base/nd-array.ts'
import type { TypedArray } from '../base/typed-array.ts'
import { UsageError } from '../errors.ts'
import type { Abi, DatatypeName, Handle } from './abi.ts'

/** What can be sent or received in place: a typed array, or an NDArray (then its elements, row by row). */
export type MPIBuffer = TypedArray | NDArray

/** A buffer as the C functions take it. */
export interface Segment {
  readonly data: TypedArray
  readonly kind: DatatypeName
  readonly datatype: Handle
  /** Elements of that datatype. */
  readonly count: number
  /** TypedArray of `data` that one element takes. */
  readonly width: number
}

const INT_MAX = 0x7fff_ffff

const BY_KIND = new Map<unknown, DatatypeName>([
  [Int8Array, 'INT8_T'],
  [Uint8Array, 'UINT8_T'],
  [Uint8ClampedArray, 'UINT8_T'],
  [Int16Array, 'INT16_T'],
  [Uint16Array, 'UINT16_T'],
  [Int32Array, 'INT32_T'],
  [Uint32Array, 'UINT32_T'],
  [Float32Array, 'FLOAT'],
  [Float64Array, 'DOUBLE'],
  [BigInt64Array, 'INT64_T'],
  [BigUint64Array, 'UINT64_T'],
  [Buffer, 'UINT8_T'],
])

const BY_DTYPE: Readonly<Record<string, DatatypeName>> = {
  bool: 'C_BOOL',
  complex64: 'C_FLOAT_COMPLEX',
  complex128: 'C_DOUBLE_COMPLEX',
}

/** @throws UsageError when it is no buffer, or longer than MPI can count. */
export function segmentOf(buffer: MPIBuffer, abi: Abi): Segment {
  // Not by its class: it may be that of another copy of this package.
  const isFlat = ArrayBuffer.isView(buffer)
  const data = isFlat ? buffer : buffer?.data
  const special = isFlat ? undefined : BY_DTYPE[buffer?.dtype]
  const kind = special ?? BY_KIND.get(data?.constructor)
  if (kind === undefined)
    throw new UsageError(
      `a buffer for MPI is a typed array or an NDArray, not ${describe(buffer)}: methods with a small first letter send any value`,
    )
  const width = kind.endsWith('COMPLEX') ? 2 : 1
  const count = data.length / width
  if (count > INT_MAX) throw new UsageError(`MPI counts to ${INT_MAX}, and the buffer has ${count} elements`)
  return { data, kind, datatype: abi.datatypes[kind], count, width }
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return `a ${value.constructor?.name ?? 'object'}`
}
