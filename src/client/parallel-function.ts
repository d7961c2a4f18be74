import type { NDArray } from '../base/nd-array.ts'
import type { TypedArray } from '../base/typed-array.ts'
import { UsageError } from '../errors.ts'
import type { AsyncMapResult } from './async-map-result.ts'
import type { Assemble, AsyncResult } from './async-result.ts'
import type { SyncMapInputs } from './call-types.ts'
import { type Distribution, joinPieces, partition } from './partition.ts'

/** How a parallel function splits its sequence. */
export interface ParallelOptions {
  /** In blocks (default) or round-robin. */
  readonly dist?: Distribution
}

/** What the results of the pieces are joined to: sequences to one of them, all else to an array. */
export type Joined<Value> = [Value] extends [readonly unknown[] | TypedArray | NDArray] ? Value : Value[]

/** Made by `view.parallel(fn)`. */
export interface ParallelFunction<Args extends unknown[], Value> {
  /** Cuts every argument into pieces, calls the function with each, and joins what it gives. */
  (...sequences: Args): AsyncResult<Joined<Awaited<Value>>, 'many', Awaited<Value>>
  /** Calls the function with each element instead. */
  map(...sequences: SyncMapInputs<Args>): AsyncMapResult<Awaited<Value>>
}

type Callee = (...args: never[]) => unknown

/** What a view does for its parallel functions. */
export interface ParallelHost {
  /** How many pieces to cut. */
  pieces(sequence: Iterable<unknown>): number
  call(fn: Callee, pieces: readonly unknown[][], assemble: Assemble): AsyncResult<never>
  map<R>(fn: Callee, sequences: readonly unknown[]): AsyncMapResult<R>
}

export function parallelFunction<Args extends unknown[], Value>(
  fn: (...args: Args) => Value,
  options: ParallelOptions,
  host: ParallelHost,
): ParallelFunction<Args, Value> {
  const split = (...sequences: Args) => {
    const columns = cutAll(sequences, options, host)
    const rows = columns[0]!.map((_, i) => columns.map(column => column[i]))
    // An engine that would get nothing at all is not asked.
    const wanted = rows.filter((row, i) => i === 0 || row.some(piece => lengthOf(piece) > 0))
    return host.call(fn as Callee, wanted, values => joinPieces(values, options.dist))
  }
  return Object.assign(split, {
    map: (...sequences: unknown[]) => host.map<Awaited<Value>>(fn as Callee, sequences),
  }) as ParallelFunction<Args, Value>
}

function cutAll(sequences: readonly unknown[], options: ParallelOptions, host: ParallelHost): unknown[][] {
  const iterables = sequences.map(checkIterable)
  if (iterables.length === 0) throw new UsageError('a parallel function needs at least one sequence to cut')
  const lengths = new Set(iterables.map(lengthOf).filter(length => length !== undefined))
  if (lengths.size > 1)
    throw new UsageError(
      `the sequences of a parallel function must be equally long; these have ${[...lengths].join(', ')} elements`,
    )
  const pieces = host.pieces(iterables[0]!)
  return iterables.map(sequence => partition(sequence, pieces, options.dist))
}

function checkIterable(value: unknown, index: number): Iterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.iterator in value)
    return value as Iterable<unknown>
  if (typeof value === 'string') return value
  throw new UsageError(`argument ${index + 1} of a parallel function is not a sequence that can be cut`)
}

function lengthOf(value: unknown): number {
  return (value as { readonly length?: number }).length ?? 0
}
