import { inspect } from 'node:util'
import { UsageError } from '../errors.ts'
import type { TypedArray } from './typed-array.ts'

/** Element types, by NumPy's names. */
export type DType =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'bool'
  | 'complex64'
  | 'complex128'

/** For each element type, the typed array that holds it, and how many of its numbers one element takes. */
const HOLDERS = {
  int8: [Int8Array, 1],
  uint8: [Uint8Array, 1],
  int16: [Int16Array, 1],
  uint16: [Uint16Array, 1],
  int32: [Int32Array, 1],
  uint32: [Uint32Array, 1],
  int64: [BigInt64Array, 1],
  uint64: [BigUint64Array, 1],
  float32: [Float32Array, 1],
  float64: [Float64Array, 1],
  bool: [Uint8Array, 1],
  complex64: [Float32Array, 2],
  complex128: [Float64Array, 2],
} as const satisfies Record<DType, readonly [{ readonly BYTES_PER_ELEMENT: number }, number]>

/** How an NDArray is made from a flat array. */
export interface NDArrayOptions {
  /** Needed only where the typed array does not tell: `'bool'` in a Uint8Array, complex numbers in pairs. */
  readonly dtype?: DType
}

/**
 * A dense array of several dimensions over one typed array, in row-major (C) order: what NumPy's `ndarray` is in Python,
 * as far as it needs to travel, be cut along its first axis and be joined again. It is no algebra library.
 *
 * Complex elements are two numbers in a row, the real part first.
 *
 * @example
 * const grid = new NDArray(new Float64Array(6), [2, 3])
 * grid.at(1, 2)                // 0
 * grid.rows(0, 1).shape        // [1, 3], a view on the same memory
 */
export class NDArray<Data extends TypedArray = TypedArray> {
  /** All elements, row by row. */
  readonly data: Data
  /** Lengths of the axes; none for a single element. */
  readonly shape: readonly number[]
  /** Type of the elements, as NumPy names it. */
  readonly dtype: DType

  /**
   * @param shape - lengths of the axes, whole numbers from 0; an empty list is a single element.
   * @throws UsageError when the data do not fill the shape exactly, or are of another type than `dtype`.
   */
  constructor(data: Data, shape: readonly number[] = [data.length], options: NDArrayOptions = {}) {
    const dtype = options.dtype ?? dtypeOf(data)
    const holder = HOLDERS[dtype]
    if (holder === undefined) throw new UsageError(`there is no element type '${String(dtype)}'`)
    const [Holder, numbersAnElement] = holder
    if (!(data instanceof Holder) && !(dtype === 'uint8' && data instanceof Uint8ClampedArray))
      throw new UsageError(`elements of type ${dtype} lie in a ${Holder.name}, not in a ${typeName(data)}`)
    if (!shape.every(length => Number.isSafeInteger(length) && length >= 0))
      throw new UsageError(`a shape is a list of whole numbers from 0, not [${shape.join(', ')}]`)
    const size = product(shape)
    if (data.length !== size * numbersAnElement)
      throw new UsageError(
        `the shape [${shape.join(', ')}] has ${size} elements of type ${dtype}, and the data hold ${data.length / numbersAnElement}`,
      )
    this.data = data
    this.shape = [...shape]
    this.dtype = dtype
  }

  /** An array of `shape` full of zeros. */
  static zeros(shape: readonly number[], dtype: DType = 'float64'): NDArray {
    const [Holder, numbersAnElement] = HOLDERS[dtype]
    return new NDArray(new Holder(product(shape) * numbersAnElement), shape, { dtype })
  }

  /** How many elements it has. */
  get size(): number {
    return product(this.shape)
  }

  /** How many axes it has. */
  get ndim(): number {
    return this.shape.length
  }

  /** Length of its first axis: how many rows it can be cut into. */
  get length(): number {
    return this.shape[0] ?? 1
  }

  /**
   * One element, by an index for each axis; negative ones count from the end.
   *
   * @returns a number, a bigint for 64-bit integers, or `[real, imaginary]` for complex elements.
   * @throws RangeError for an index outside the shape, UsageError for another number of indices than axes.
   */
  at(...indices: readonly number[]): number | bigint | readonly [number, number] {
    if (indices.length !== this.shape.length)
      throw new UsageError(
        `an array of ${this.shape.length} axes needs as many indices, not ${indices.length}`,
      )
    let offset = 0
    for (const [axis, given] of indices.entries()) {
      const length = this.shape[axis]!
      const index = given < 0 ? given + length : given
      if (!(Number.isInteger(index) && index >= 0 && index < length))
        throw new RangeError(`index ${given} is outside axis ${axis}, whose length is ${length}`)
      offset = offset * length + index
    }
    if (numbersAnElement(this.dtype) === 1) return this.data[offset]!
    return [Number(this.data[offset * 2]), Number(this.data[offset * 2 + 1])]
  }

  /** Rows from `start` up to `end`: a view on the same memory. */
  rows(start: number, end: number): NDArray<Data> {
    const numbersARow = this.length === 0 ? 0 : this.data.length / this.length
    const data = this.data.subarray(start * numbersARow, end * numbersARow) as Data
    return new NDArray(data, [end - start, ...this.shape.slice(1)], { dtype: this.dtype })
  }

  /** Its rows along the first axis; the elements themselves where there is only one axis. */
  *[Symbol.iterator](): Generator<
    NDArray<Data> | number | bigint | readonly [number, number],
    void,
    undefined
  > {
    for (let i = 0; i < this.length; i++)
      yield this.ndim <= 1 ? this.at(...this.shape.map(() => i)) : this.row(i)
  }

  /** One row: an array with one axis less, on the same memory. */
  row(index: number): NDArray<Data> {
    return this.rows(index, index + 1).reshape(...this.shape.slice(1))
  }

  /** The same elements in another shape: a view on the same memory. */
  reshape(...shape: readonly number[]): NDArray<Data> {
    return new NDArray(this.data, shape, { dtype: this.dtype })
  }

  toString(): string {
    return `NDArray(${this.dtype}, [${this.shape.join(', ')}])`
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

/** Numbers of the typed array that one element takes: 2 for complex types. */
function numbersAnElement(dtype: DType): 1 | 2 {
  return HOLDERS[dtype][1]
}

function dtypeOf(data: TypedArray): DType {
  if (data instanceof Uint8ClampedArray) return 'uint8'
  for (const [dtype, [Holder]] of Object.entries(HOLDERS)) if (data instanceof Holder) return dtype as DType
  throw new UsageError(`the elements of an NDArray lie in a typed array, not in a ${typeName(data)}`)
}

function typeName(data: unknown): string {
  return (data as { constructor?: { name?: string } } | null)?.constructor?.name ?? typeof data
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1)
}
