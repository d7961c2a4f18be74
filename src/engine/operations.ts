import { UsageError } from '../errors.ts'
import type { AnyFunction, MaybePromise } from '../serialize/payload.ts'
import type { Namespace } from './namespace.ts'

/** Numbers from `start` on: a column of `map` that need not be sent. */
export interface Range {
  readonly start: number
  readonly end: number
  readonly step?: number
}

type Column = ArrayLike<unknown> | { readonly range: Range }
type Mapped = (...args: unknown[]) => unknown

/** An element's function failed: the element is named in the error reply. */
export class ElementFailure {
  readonly error: unknown
  readonly index: number

  constructor(error: unknown, index: number) {
    this.error = error
    this.index = index
  }
}

/** What a request can call besides functions: agreed upon by clients and engines. */
export function engineOperations(namespace: Namespace): ReadonlyMap<string, AnyFunction> {
  const push = (values: Readonly<Record<string, unknown>>): void => {
    for (const [name, value] of Object.entries(values)) namespace.set(name, value)
  }
  const pull = (names: string | readonly string[]): unknown =>
    typeof names === 'string' ? namespace.lookup(names) : names.map(name => namespace.lookup(name))
  return new Map<string, AnyFunction>([
    ['push', push],
    ['pull', pull],
    ['map', mapColumns],
    ['clear', () => namespace.clear()],
    ['names', () => namespace.names()],
    ['delete', (names: readonly string[]) => names.filter(name => namespace.delete(name)).length],
  ])
}

/** Calls `fn` with the first element of each column, then the second, …, each after the one before has ended. */
function mapColumns(fn: Mapped, columns: readonly Column[]): MaybePromise<unknown[]> {
  if (typeof fn !== 'function') throw new UsageError('map needs a function')
  const lists = columns.map(readColumn)
  const length = lists.reduce((shortest, list) => Math.min(shortest, list.length), lists[0]?.length ?? 0)
  const results: unknown[] = new Array(length)
  for (let i = 0; i < length; i++) {
    const value = callAt(fn, lists, i)
    if (isThenable(value)) return mapRest(fn, lists, i, value, results)
    results[i] = value
  }
  return results
}

async function mapRest(
  fn: Mapped,
  lists: readonly ArrayLike<unknown>[],
  from: number,
  first: PromiseLike<unknown>,
  results: unknown[],
): Promise<unknown[]> {
  for (let i = from; i < results.length; i++) {
    try {
      results[i] = await (i === from ? first : callAt(fn, lists, i))
    } catch (error) {
      throw error instanceof ElementFailure ? error : new ElementFailure(error, i)
    }
  }
  return results
}

function callAt(fn: Mapped, lists: readonly ArrayLike<unknown>[], index: number): unknown {
  try {
    if (lists.length === 1) return fn(lists[0]![index])
    return fn(...lists.map(list => list[index]))
  } catch (error) {
    throw new ElementFailure(error, index)
  }
}

function readColumn(column: Column): ArrayLike<unknown> {
  if (!('range' in column)) return column
  const { start, end, step = 1 } = column.range
  const numbers = new Array<number>(Math.max(0, Math.ceil((end - start) / step)))
  for (let i = 0; i < numbers.length; i++) numbers[i] = start + i * step
  return numbers
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
