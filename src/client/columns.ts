import { isTypedArray, type TypedArray } from '../base/typed-array.ts'
import { UsageError } from '../errors.ts'

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
  const known = inputs.map(withIndexes)
  if (known.every(isIndexed)) return new IndexedReader(known)
  return known.some(isAsync) ? new AsyncReader(known) : new IteratorReader(known as Iterable<unknown>[])
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

/** Text, sets and maps have an end that is known: better cut as arrays. */
function withIndexes(input: Input): Input {
  return typeof input === 'string' || input instanceof Set || input instanceof Map ? [...input] : input
}

function isIndexed(input: Input): input is readonly unknown[] | TypedArray {
  return Array.isArray(input) || isTypedArray(input)
}

/** Whether `map` can take it. */
function isInput(value: unknown): value is Input {
  if (value === null || value === undefined) return false
  return Symbol.iterator in Object(value) || Symbol.asyncIterator in Object(value)
}

/** @throws UsageError when there is nothing to map over. */
export function checkInputs(inputs: readonly unknown[]): void {
  if (inputs.length === 0)
    throw new UsageError('map needs at least one iterable after the function: view.map(fn, [1, 2, 3])')
  for (const [i, input] of inputs.entries())
    if (!isInput(input))
      throw new UsageError(
        `argument ${i + 2} of map is not iterable: it takes arrays, typed arrays, text, sets, maps, iterators and generators`,
      )
}

export function isAsync(input: Input): input is AsyncIterable<unknown> {
  return typeof (input as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function'
}

function shortest(arrays: Columns): number {
  return arrays.reduce((length, array) => Math.min(length, array.length), Number.POSITIVE_INFINITY)
}

/** Some elements of a column, in an array of its kind. */
export function cut(array: readonly unknown[] | TypedArray, start: number, end: number) {
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

/** Iterators that were opened, each of which is closed once, unless it has ended by itself. */
class OpenIterators<I extends Iterator<unknown> | AsyncIterator<unknown>> {
  readonly all: readonly I[]
  readonly #open: Set<I>

  constructor(iterators: readonly I[]) {
    this.all = iterators
    this.#open = new Set(iterators)
  }

  get isOver(): boolean {
    return this.#open.size === 0
  }

  ended(iterator: I): void {
    this.#open.delete(iterator)
  }

  /** @throws the first error of those that do not like to be closed; all of them are. */
  close(): void {
    const errors: unknown[] = []
    for (const iterator of this.#open) {
      try {
        const closed = iterator.return?.()
        // Whoever waits for a source in the middle of a step might wait for ever.
        if (closed instanceof Promise) closed.catch(() => {})
      } catch (error) {
        errors.push(error)
      }
    }
    this.#open.clear()
    if (errors.length > 0) throw errors[0]
  }
}

class IteratorReader implements ColumnReader {
  readonly remaining = undefined
  readonly #iterators: OpenIterators<Iterator<unknown>>
  #failure: { readonly error: unknown } | undefined

  constructor(inputs: readonly Iterable<unknown>[]) {
    this.#iterators = new OpenIterators(inputs.map(input => input[Symbol.iterator]()))
  }

  /** @throws what the input throws, after the elements before it were read. */
  read(count: number): Columns | undefined {
    const columns: unknown[][] = this.#iterators.all.map(() => [])
    for (let i = 0; i < count && !this.#iterators.isOver; i++) {
      const row = this.#row()
      if (row !== undefined) for (let c = 0; c < row.length; c++) columns[c]!.push(row[c])
    }
    if (columns[0]!.length > 0) return columns
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }

  close(): void {
    this.#iterators.close()
  }

  /** Asks one after the other: those behind one that has ended lose nothing. */
  #row(): unknown[] | undefined {
    const row: unknown[] = []
    try {
      for (const iterator of this.#iterators.all) {
        const step = stepOf(iterator, this.#iterators)
        if (step.done === true) {
          this.#iterators.ended(iterator)
          this.close()
          return undefined
        }
        row.push(step.value)
      }
      return row
    } catch (error) {
      this.#failure = { error }
      // Another one that fails as it is closed has nothing to add.
      ignoring(() => this.close())
      return undefined
    }
  }
}

/** Reads ahead of nobody: an element is asked for only when somebody wants it. */
class AsyncReader implements ColumnReader {
  readonly remaining = undefined
  readonly #iterators: OpenIterators<AsyncIterator<unknown> | Iterator<unknown>>
  #failure: { readonly error: unknown } | undefined
  /** A row that was asked for and has not come. */
  #pending: Promise<readonly unknown[] | undefined> | undefined

  constructor(inputs: readonly Input[]) {
    this.#iterators = new OpenIterators(
      inputs.map(input =>
        isAsync(input) ? input[Symbol.asyncIterator]() : (input as Iterable<unknown>)[Symbol.iterator](),
      ),
    )
  }

  /**
   * Waits for one row, and takes what else is there without waiting for it: a slow input must not hold back work.
   *
   * @throws what the input throws, after the elements before it were read.
   */
  async read(count: number): Promise<Columns | undefined> {
    const columns: unknown[][] = this.#iterators.all.map(() => [])
    let late: Promise<typeof NOT_YET> | undefined
    while (columns[0]!.length < count) {
      const next = this.#pending ?? this.#row()
      this.#pending = next
      const row = await (late === undefined ? next : Promise.race([next, late]))
      if (row === NOT_YET) break
      this.#pending = undefined
      if (row === undefined) break
      for (let c = 0; c < row.length; c++) columns[c]!.push(row[c])
      late ??= soon()
    }
    if (columns[0]!.length > 0) return columns
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }

  close(): void {
    this.#iterators.close()
  }

  /** Undefined at the end. Never rejects. */
  async #row(): Promise<readonly unknown[] | undefined> {
    if (this.#iterators.isOver) return undefined
    try {
      const steps = await Promise.all(
        this.#iterators.all.map(async iterator => await stepOf(iterator, this.#iterators)),
      )
      if (!steps.some(step => step.done === true)) return await Promise.all(steps.map(step => step.value))
      for (const [i, step] of steps.entries())
        if (step.done === true) this.#iterators.ended(this.#iterators.all[i]!)
      this.close()
    } catch (error) {
      this.#failure = { error }
      ignoring(() => this.close())
    }
    return undefined
  }
}

/** The next step of an iterator. One that throws has ended by itself, and is not to be closed. */
function stepOf<I extends Iterator<unknown> | AsyncIterator<unknown>>(
  iterator: I,
  iterators: OpenIterators<I>,
): ReturnType<I['next']> {
  try {
    const step = iterator.next()
    if (step instanceof Promise) step.catch(() => iterators.ended(iterator))
    return step as ReturnType<I['next']>
  } catch (error) {
    iterators.ended(iterator)
    throw error
  }
}

function ignoring(action: () => void): void {
  try {
    action()
  } catch {
    // There is an error already, which comes first.
  }
}

const NOT_YET = Symbol('not yet')

function soon(): Promise<typeof NOT_YET> {
  return new Promise(resolve => setImmediate(resolve, NOT_YET))
}
