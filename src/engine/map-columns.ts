import { UsageError } from '../errors.ts'
import { type MaybePromise, packError, packValue } from '../serialize/payload.ts'
import type { Frame } from '../transport/socket.ts'
import { isThenable } from './thenable.ts'

/** Numbers from `start` on: a column of `map` that need not be sent. */
export interface Range {
  readonly start: number
  readonly end: number
  readonly step?: number
}

type Column = ArrayLike<unknown> | { readonly range: Range }
type Mapped = (...args: unknown[]) => unknown
type Failure = readonly [index: number, error: unknown]

/** What a map gave, element by element. */
export class MappedValues {
  readonly values: readonly unknown[]
  readonly #goesOn: boolean

  constructor(values: readonly unknown[], goesOn: boolean) {
    this.values = values
    this.#goesOn = goesOn
  }

  /** @throws ElementFailure when the value of an element cannot travel: the others can. */
  pack(): Frame[] {
    try {
      return packValue(this.values, 'result')
    } catch (error) {
      throw unsendable(this.values, [], this.#goesOn) ?? error
    }
  }
}

/** Some elements of a map failed. What the others gave goes along: one bad element does not lose them. */
export class ElementFailure {
  /** The first of them. */
  readonly index: number
  readonly error: unknown
  readonly failures: readonly Failure[]
  /** Undefined in the place of each that failed; where a map ends at its first failure, those before it. */
  readonly values: readonly unknown[]
  readonly #goesOn: boolean

  constructor(values: readonly unknown[], failures: readonly Failure[], goesOn: boolean) {
    this.values = values
    this.failures = failures
    this.#goesOn = goesOn
    const [index, error] = failures[0]!
    this.index = index
    this.error = error
  }

  /** Values and errors as the buffers of an error reply. Never throws: what cannot travel is an error of its own. */
  pack(): Frame[] {
    try {
      const failures = this.failures.map(([index, error]) => ({ index, ...packError(error) }))
      return packValue({ values: this.values, failures }, 'result')
    } catch {
      return unsendable(this.values, this.failures, this.#goesOn)?.pack() ?? []
    }
  }
}

/**
 * Calls `fn` with the first element of each column, then the second, …, each after the one before has ended.
 *
 * @param goesOn - run the elements after one that failed as well.
 * @param isWanted - asked after each element that had to be awaited: whether anybody still waits for the rest.
 * @throws ElementFailure when an element failed.
 */
export function mapColumns(
  fn: Mapped,
  columns: readonly Column[],
  goesOn: boolean,
  isWanted: () => boolean,
): MaybePromise<MappedValues> {
  if (typeof fn !== 'function') throw new UsageError('map needs a function')
  const run = new Run(fn, columns.map(readColumn), goesOn)
  while (!run.isOver) {
    const waiting = run.step()
    if (waiting !== undefined) return finish(run, waiting, isWanted)
  }
  return run.end()
}

async function finish(run: Run, first: PromiseLike<unknown>, isWanted: () => boolean): Promise<MappedValues> {
  for (let waiting: PromiseLike<unknown> | undefined = first; ; waiting = run.step()) {
    if (waiting !== undefined) await run.take(waiting)
    if (run.isOver || !isWanted()) return run.end()
  }
}

/** A map on its way. */
class Run {
  readonly #fn: Mapped
  readonly #lists: readonly ArrayLike<unknown>[]
  readonly #length: number
  readonly #goesOn: boolean
  readonly #values: unknown[] = []
  readonly #failures: Failure[] = []
  #at = 0

  constructor(fn: Mapped, lists: readonly ArrayLike<unknown>[], goesOn: boolean) {
    this.#fn = fn
    this.#lists = lists
    this.#length = lists.length === 0 ? 0 : Math.min(...lists.map(list => list.length))
    this.#goesOn = goesOn
  }

  get isOver(): boolean {
    return this.#at >= this.#length
  }

  /** Runs elements until one makes us wait, which is then given to `take`, or there are no more. */
  step(): PromiseLike<unknown> | undefined {
    const [only] = this.#lists
    const isSingle = this.#lists.length === 1
    while (!this.isOver) {
      try {
        const value = isSingle ? this.#fn(only![this.#at]) : this.#fn(...this.#row())
        if (isThenable(value)) return value
        this.#values.push(value)
        this.#at += 1
      } catch (error) {
        this.#fail(error)
      }
    }
    return undefined
  }

  async take(waiting: PromiseLike<unknown>): Promise<void> {
    try {
      this.#values.push(await waiting)
      this.#at += 1
    } catch (error) {
      this.#fail(error)
    }
  }

  end(): MappedValues {
    if (this.#failures.length > 0) throw new ElementFailure(this.#values, this.#failures, this.#goesOn)
    return new MappedValues(this.#values, this.#goesOn)
  }

  /** @throws UnmetDependency: it is not the element that failed, and the whole message must go to another engine. */
  #fail(error: unknown): void {
    if (error instanceof Error && error.name === 'UnmetDependency') throw error
    this.#failures.push([this.#at, error])
    if (this.#goesOn) {
      this.#values.push(undefined)
      this.#at += 1
    } else this.#at = this.#length
  }

  #row(): unknown[] {
    return this.#lists.map(list => list[this.#at])
  }
}

function readColumn(column: Column): ArrayLike<unknown> {
  if (!('range' in column)) return column
  const { start, end, step = 1 } = column.range
  const numbers = new Array<number>(Math.max(0, Math.ceil((end - start) / step)))
  for (let i = 0; i < numbers.length; i++) numbers[i] = start + i * step
  return numbers
}

/** Which of the values cannot travel, besides the elements that failed anyway. Undefined: all of them can. */
function unsendable(
  values: readonly unknown[],
  failures: readonly Failure[],
  goesOn: boolean,
): ElementFailure | undefined {
  const sendable: unknown[] = []
  const found: Failure[] = []
  for (const [index, value] of values.entries()) {
    try {
      packValue(value, `result[${index}]`)
      sendable.push(value)
    } catch (error) {
      found.push([index, error])
      if (!goesOn) break
      sendable.push(undefined)
    }
  }
  if (found.length === 0) return undefined
  const all = goesOn ? [...failures, ...found].sort(([a], [b]) => a - b) : found
  return new ElementFailure(sendable, all, goesOn)
}
