/** NumPy's arrays and numbers: their element types as text (`<f8`), and their bytes as typed arrays and back. */

import { type DType, NDArray } from '../../base/nd-array.ts'
import type { TypedArray } from '../../base/typed-array.ts'
import { inRange, malformedPickle } from './pickle-bytes.ts'

interface Holder {
  new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray
  readonly BYTES_PER_ELEMENT: number
}

/** By kind and size, as NumPy's array interface names them: the element type, and what holds its numbers. */
const TYPES: Readonly<Record<string, readonly [DType, Holder]>> = {
  b1: ['bool', Uint8Array],
  i1: ['int8', Int8Array],
  u1: ['uint8', Uint8Array],
  i2: ['int16', Int16Array],
  u2: ['uint16', Uint16Array],
  i4: ['int32', Int32Array],
  u4: ['uint32', Uint32Array],
  i8: ['int64', BigInt64Array],
  u8: ['uint64', BigUint64Array],
  f4: ['float32', Float32Array],
  f8: ['float64', Float64Array],
  c8: ['complex64', Float32Array],
  c16: ['complex128', Float64Array],
}

const KINDS: ReadonlyMap<DType, string> = new Map(
  Object.entries(TYPES).map(([kind, [dtype]]) => [dtype, kind]),
)

/** An array's bytes, as NumPy describes them. */
export interface RawArray {
  /** Byte order, kind and size of an element, such as `<f8`. */
  readonly type: string
  readonly shape: readonly number[]
  readonly data: Uint8Array
  /** Column by column, as Fortran has it. */
  readonly isFortran?: boolean
}

/** How NumPy calls the element type of an array. */
export function typeText(array: NDArray): string {
  const kind = KINDS.get(array.dtype)!
  return `${kind.endsWith('1') && kind !== 'c16' ? '|' : '<'}${kind}`
}

/**
 * The array of these bytes: a typed array where it has one axis, else an NDArray. Texts and byte strings become nested
 * arrays. The bytes are looked at where they lie, unless they lie askew.
 *
 * @returns undefined for element types that have no counterpart.
 * @throws RemoteProtocolError when the bytes do not fill the shape.
 */
export function readArray(raw: RawArray): unknown {
  const parsed = /^([<>|=])([a-zA-Z])(\d+)$/.exec(raw.type)
  if (parsed === null) return undefined
  const [, order, letter, digits] = parsed
  if (letter === 'U' || letter === 'S') return readTexts(raw, letter, Number(digits), order === '>')
  const type = TYPES[`${letter}${digits}`]
  if (type === undefined) return undefined
  const [dtype, Holder] = type
  const itemBytes = Number(digits)
  checkSize(raw, itemBytes)
  let bytes = raw.data
  if (order === '>' && Holder.BYTES_PER_ELEMENT > 1) bytes = swapped(bytes, Holder.BYTES_PER_ELEMENT)
  if (raw.isFortran === true && raw.shape.length > 1) bytes = toRowMajor(bytes, raw.shape, itemBytes)
  if (bytes.byteOffset % Holder.BYTES_PER_ELEMENT !== 0) bytes = Uint8Array.from(bytes)
  const data = new Holder(bytes.buffer, bytes.byteOffset, bytes.length / Holder.BYTES_PER_ELEMENT)
  const isPlain = raw.shape.length === 1 && dtype !== 'bool' && !dtype.startsWith('complex')
  return isPlain ? data : new NDArray(data, raw.shape, { dtype })
}

/** A single number of NumPy's. */
export function readScalar(type: string, data: Uint8Array): unknown {
  const array = readArray({ type, shape: [], data })
  if (!(array instanceof NDArray)) return array
  if (array.dtype === 'bool') return array.at() !== 0
  const value = array.at()
  if (typeof value === 'bigint') return inRange(value)
  return typeof value === 'number' ? value : array
}

/** `items` of a row-major array as nested arrays of `shape`. */
export function nested(items: readonly unknown[], shape: readonly number[]): unknown {
  if (shape.length === 0) return items[0]
  if (shape.length === 1) return [...items]
  const [rows = 0, ...rest] = shape
  const size = items.length / Math.max(rows, 1)
  return Array.from({ length: rows }, (_, row) => nested(items.slice(row * size, (row + 1) * size), rest))
}

/** Whether a list of numbers can be a shape at all. */
export function isShape(shape: readonly unknown[]): shape is readonly number[] {
  return shape.every(length => Number.isSafeInteger(length) && (length as number) >= 0)
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1)
}

function checkSize({ data, shape }: RawArray, itemBytes: number): void {
  if (!isShape(shape) || data.length !== sizeOf(shape) * itemBytes)
    throw malformedPickle('an array has more or fewer bytes than its shape needs')
}

function swapped(bytes: Uint8Array, size: number): Buffer {
  const copy = Buffer.from(bytes)
  return size === 2 ? copy.swap16() : size === 4 ? copy.swap32() : copy.swap64()
}

/** The bytes of a column-major array in row-major order. */
function toRowMajor(bytes: Uint8Array, shape: readonly number[], itemBytes: number): Uint8Array {
  const copy = new Uint8Array(bytes.length)
  const index = new Array<number>(shape.length).fill(0)
  for (let to = 0; to < bytes.length; to += itemBytes) {
    let from = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) from = from * shape[axis]! + index[axis]!
    copy.set(bytes.subarray(from * itemBytes, (from + 1) * itemBytes), to)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1
      if (index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
  return copy
}

/** Arrays of texts have a fixed number of characters each, padded with zeros: UTF-32 for `U`, bytes for `S`. */
function readTexts(raw: RawArray, letter: string, length: number, isSwapped: boolean): unknown {
  const itemBytes = letter === 'U' ? length * 4 : length
  if (itemBytes === 0) return undefined
  checkSize(raw, itemBytes)
  const bytes = Buffer.from(raw.data.buffer, raw.data.byteOffset, raw.data.length)
  const items: unknown[] = []
  for (let at = 0; at < bytes.length; at += itemBytes) {
    const item = bytes.subarray(at, at + itemBytes)
    items.push(letter === 'S' ? withoutPadding(item) : readUtf32(item, isSwapped))
  }
  return nested(items, raw.shape)
}

function withoutPadding(item: Buffer): Buffer {
  let end = item.length
  while (end > 0 && item[end - 1] === 0) end -= 1
  return item.subarray(0, end)
}

function readUtf32(item: Buffer, isSwapped: boolean): string {
  let text = ''
  for (let at = 0; at < item.length; at += 4) {
    const code = isSwapped ? item.readUInt32BE(at) : item.readUInt32LE(at)
    if (code > 0x10ffff) throw malformedPickle('a character is beyond Unicode')
    text += String.fromCodePoint(code)
  }
  return text.replace(/\0+$/, '')
}
