import { isTypedArray, type TypedArray } from './partition.ts'

/** What `map` takes: anything that can be iterated. */
export type Input = Iterable<unknown> | AsyncIterable<unknown>

/** One array for each iterable of a `map`, all of the same length. */
export type Columns = readonly (readonly unknown[] | TypedArray)[]

/** Elements of a map's input, dealt out in order. */
export interface ColumnReader {
  /** How many are left; undefined where only the end tells. */
  readonly remaining: number | undefined
  /** The next `count` elements or fewer; undefined at the end. A promise where the input makes us wait. */
  read(count: number): Columns | undefined | Promise<Columns | undefined>
  /** No more is wanted: closes what was opened. */
  close(): void
}

/** Iterables are zipped to the shortest, as Python's `map` does. */
export function columnReader(inputs: readonly Input[]): ColumnReader {
  if (inputs.every(isIndexed)) return new IndexedReader(inputs)
  return inputs.some(isAsync) ? new AsyncReader(inputs) : new IteratorReader(inputs as Iterable<unknown>[])
}

/** All of it at once. */
export function readColumns(inputs: readonly Iterable<unknown>[]): Columns {
  const arrays = inputs.map(input => (isIndexed(input) ? input : Array.from(input)))
  const length = shortest(arrays)
  return arrays.map(array => (array.length === length ? array : cut(array, 0, length)))
}

/**
 * A column of nothing but numbers as a Float64Array, which travels without being read or copied on the way; other
 * columns as they are. Every number comes out as it went in.
 */
export function compact(column: readonly unknown[] | TypedArray): readonly unknown[] | TypedArray {
  if (isTypedArray(column) || column.length < COMPACT_FROM) return column
  const numbers = new Float64Array(column.length)
  for (let i = 0; i < column.length; i++) {
    const value = column[i]
    if (typeof value !== 'number') return column
    numbers[i] = value
  }
  return numbers
}

/** Below this a frame of its own costs more than it saves. */
const COMPACT_FROM = 128

function isIndexed(input: Input): input is readonly unknown[] | TypedArray {
  return Array.isArray(input) || isTypedArray(input)
}

function isAsync(input: Input): input is AsyncIterable<unknown> {
  return typeof (input as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function'
}

function shortest(arrays: Columns): number {
  return arrays.reduce((length, array) => Math.min(length, array.length), Number.POSITIVE_INFINITY)
}

function cut(array: readonly unknown[] | TypedArray, start: number, end: number) {
  return isTypedArray(array) ? array.subarray(start, end) : array.slice(start, end)
}

class IndexedReader implements ColumnReader {
  readonly #arrays: Columns
  readonly #length: number
  #at = 0

  constructor(arrays: Columns) {
    this.#arrays = arrays
    this.#length = shortest(arrays)
  }

  get remaining(): number {
    return this.#length - this.#at
  }

  read(count: number): Columns | undefined {
    if (this.#at >= this.#length) return undefined
    const end = Math.min(this.#at + count, this.#length)
    const columns = this.#arrays.map(array => cut(array, this.#at, end))
    this.#at = end
    return columns
  }

  close(): void {
    this.#at = this.#length
  }
}

class IteratorReader implements ColumnReader {
  readonly remaining = undefined
  readonly #iterators: Iterator<unknown>[]
  #isOver = false

  constructor(inputs: readonly Iterable<unknown>[]) {
    this.#iterators = inputs.map(input => input[Symbol.iterator]())
  }

  read(count: number): Columns | undefined {
    const columns: unknown[][] = this.#iterators.map(() => [])
    for (let i = 0; i < count && !this.#isOver; i++) {
      const row = this.#iterators.map(iterator => iterator.next())
      if (row.some(step => step.done === true)) this.close()
      else for (const [c, step] of row.entries()) columns[c]!.push(step.value)
    }
    return columns[0]!.length === 0 ? undefined : columns
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const iterator of this.#iterators) iterator.return?.()
  }
}

/** Reads ahead of nobody: an element is asked for only when somebody wants it. */
class AsyncReader implements ColumnReader {
  readonly remaining = undefined
  readonly #iterators: (AsyncIterator<unknown> | Iterator<unknown>)[]
  #isOver = false
  /** A row that was asked for and has not come. */
  #pending: Promise<readonly unknown[] | undefined> | undefined

  constructor(inputs: readonly Input[]) {
    this.#iterators = inputs.map(input =>
      isAsync(input) ? input[Symbol.asyncIterator]() : (input as Iterable<unknown>)[Symbol.iterator](),
    )
  }

  /** Waits for one row, and takes what else is there without waiting for it: a slow input must not hold back work. */
  async read(count: number): Promise<Columns | undefined> {
    const first = await this.#row()
    if (first === undefined) return undefined
    const columns = first.map(value => [value])
    while (columns[0]!.length < count) {
      const next = this.#row()
      const row = await Promise.race([next, soon()])
      if (row === NOT_YET) {
        this.#pending = next
        break
      }
      if (row === undefined) break
      for (const [c, value] of (row as readonly unknown[]).entries()) columns[c]!.push(value)
    }
    return columns
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const iterator of this.#iterators) Promise.resolve(iterator.return?.()).catch(() => {})
  }

  async #row(): Promise<readonly unknown[] | undefined> {
    const pending = this.#pending
    if (pending !== undefined) {
      this.#pending = undefined
      return pending
    }
    if (this.#isOver) return undefined
    const row = await Promise.all(this.#iterators.map(iterator => iterator.next()))
    if (!row.some(step => step.done === true)) return row.map(step => step.value)
    this.close()
    return undefined
  }
}

const NOT_YET = Symbol('not yet')

function soon(): Promise<typeof NOT_YET> {
  return new Promise(resolve => setImmediate(resolve, NOT_YET))
}
