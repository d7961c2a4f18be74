/**
 * Graph dependencies of tasks, `after` (when a task may start) and `follow` (where), as they are asked for. What has come
 * of one is `dependency-progress.ts`.
 */

/** What became of a task: `unseen` was never submitted, `pending` has not ended. */
export type Outcome = 'unseen' | 'pending' | Ended

export type Ended = 'ok' | 'failed'

export interface Dependency {
  /** Each once. */
  readonly ids: readonly string[]
  /** Every one of the ids, or any of them. */
  readonly all: boolean
  /** Tasks that ended well count. */
  readonly success: boolean
  /** Tasks that failed count. */
  readonly failure: boolean
}

/**
 * Reads a dependency as it travels: a list of ids, one id, or ids with conditions.
 *
 * @returns undefined where there is none, a text that says what is wrong with it, or the dependency.
 */
export function readDependency(wire: unknown): Dependency | string | undefined {
  if (wire === undefined || wire === null) return undefined
  if (typeof wire === 'string') return simple([wire])
  if (Array.isArray(wire)) {
    if (!wire.every(id => typeof id === 'string')) return 'a dependency is no list of message ids'
    return wire.length === 0 ? undefined : simple(wire)
  }
  if (typeof wire !== 'object') return 'a dependency is neither a list nor an object'
  const { dependencies, all = true, success = true, failure = false } = wire as Record<string, unknown>
  if (!Array.isArray(dependencies) || !dependencies.every(id => typeof id === 'string')) {
    return 'a dependency has no list of message ids'
  }
  if (dependencies.length === 0) return undefined
  if (success !== true && failure !== true) {
    return 'a dependency counts neither success nor failure and could never be met'
  }
  return {
    ids: [...new Set(dependencies)],
    all: all === true,
    success: success === true,
    failure: failure === true,
  }
}

function simple(ids: readonly string[]): Dependency {
  return { ids: [...new Set(ids)], all: true, success: true, failure: false }
}

/** Whether an outcome is one of those that the dependency waits for. */
export function isWanted(dependency: Dependency, outcome: Ended): boolean {
  return outcome === 'ok' ? dependency.success : dependency.failure
}
