import { UsageError } from '../errors.ts'
import type { WireDependency } from '../protocol/catalogue.ts'
import { taskIds } from './request-record.ts'

/** Something whose requests a task can depend on: an AsyncResult, that of a map included. */
export interface HasMessageIds {
  readonly msgIds: readonly string[]
  /** Where it has it: the same, or why they are no tasks to depend on. */
  [taskIds]?(): readonly string[]
}

/** What a task can depend on: results, message ids, lists of them, or a Dependency that says more. */
export type DependencyInput = HasMessageIds | string | Dependency | readonly (HasMessageIds | string)[]

/** When a dependency counts as met. */
export interface DependencyOptions {
  /** Whether all of them must have ended so, or any one. Default `'all'`. */
  readonly mode?: 'all' | 'any'
  /** Whether ending well meets it. Default true. */
  readonly success?: boolean
  /** Whether failing meets it. Default false. */
  readonly failure?: boolean
}

/**
 * Tasks that must have ended before another may start (`after`), or that decide where it runs (`follow`).
 *
 * @example
 * const cleanup = view.with({ after: new Dependency(results, { failure: true }) }).apply(removeFiles)
 */
export class Dependency {
  /** Ids of the tasks that it is about. */
  readonly msgIds: readonly string[]
  /** Whether all of them must have ended so, or any one. */
  readonly mode: 'all' | 'any'
  /** Whether ending well meets it. */
  readonly success: boolean
  /** Whether failing meets it. */
  readonly failure: boolean

  /** @throws UsageError when neither success nor failure would meet it: it could never be met. */
  constructor(
    results: HasMessageIds | string | readonly (HasMessageIds | string)[],
    options: DependencyOptions = {},
  ) {
    this.msgIds = idsOf(results)
    this.mode = options.mode ?? 'all'
    this.success = options.success ?? true
    this.failure = options.failure ?? false
    if (!this.success && !this.failure)
      throw new UsageError(
        'a Dependency with neither success nor failure can never be met: allow one of them',
      )
  }
}

/** As it travels in a task's metadata. */
export function wireDependency(input: DependencyInput): WireDependency {
  if (!(input instanceof Dependency)) return idsOf(input)
  const { msgIds, mode, success, failure } = input
  return { dependencies: msgIds, all: mode === 'all', success, failure }
}

function idsOf(results: HasMessageIds | string | readonly (HasMessageIds | string)[]): string[] {
  if (typeof results === 'string') return [results]
  if (isList(results)) return results.flatMap(idsOf)
  const ids =
    typeof results === 'object' && results !== null ? (results[taskIds]?.() ?? results.msgIds) : undefined
  if (!Array.isArray(ids))
    throw new UsageError(
      'a task can depend on AsyncResults, message ids, lists of these, and a Dependency; this is something else',
    )
  return [...ids]
}

/** `Array.isArray` does not know readonly arrays. */
function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
