/**
 * Where a task may run: decides from its targets, from where the tasks that it follows ran, and from where it has failed
 * or been refused. Knows the engines there are, and not how busy they are.
 */

import type { ErrorContent } from '../../protocol/catalogue.ts'
import type { DeadEngines } from './dead-engines.ts'
import { counts, type Dependency, type OutcomeOf } from './dependency.ts'
import type { EnginePool } from './engine-pool.ts'
import type { Task } from './task.ts'
import type { TaskHistory } from './task-history.ts'
import { ANYWHERE, type Whereabouts } from './waiting-room.ts'
import { diedWithTargets, errorContent } from './wire-error.ts'

export interface Surroundings {
  readonly pool: EnginePool<Task>
  readonly dead: DeadEngines
  readonly history: TaskHistory
  readonly outcomeOf: OutcomeOf
}

const NO_ENGINES: ReadonlySet<string> = new Set()

/** Where a task may run at present; an error when it never will. */
export function whereaboutsOf(task: Task, around: Surroundings): Whereabouts | ErrorContent {
  const { targets, follow, own } = task.plan
  const { refusedBy, failedOn } = task
  if (targets === undefined && follow === undefined && refusedBy === undefined && failedOn === undefined) {
    return ANYWHERE
  }
  let include = targets
  if (follow !== undefined) {
    const engines = enginesToFollow(follow, around)
    if (engines === undefined) return errorContent('ImpossibleDependency', '')
    include = targets === undefined ? engines : intersection(targets, engines)
    // Nothing it follows has ended well yet: it waits for that, in a line that no engine serves.
    if (engines.size === 0) return { include: engines }
  }
  return own ? whereOwn(task, include, around) : whereOriginal(task, include, around)
}

function whereOriginal(
  task: Task,
  include: ReadonlySet<string> | undefined,
  { pool }: Surroundings,
): Whereabouts | ErrorContent {
  const blacklist = union(task.refusedBy, task.failedOn)
  if (include === undefined) return blacklist.size === 0 ? ANYWHERE : { exclude: blacklist }
  const left = difference(include, blacklist)
  for (const engine of left) if (pool.get(engine) !== undefined) return { include: left }
  return errorContent('ImpossibleDependency', '')
}

function whereOwn(
  task: Task,
  include: ReadonlySet<string> | undefined,
  { pool, dead }: Surroundings,
): Whereabouts | ErrorContent {
  const refusedBy = task.refusedBy ?? NO_ENGINES
  const failedOn = task.failedOn ?? NO_ENGINES
  let live = 0
  let refused = 0
  let failed = 0
  for (const engine of include ?? pool.uuids()) {
    if (pool.get(engine) === undefined) continue
    live += 1
    if (refusedBy.has(engine)) refused += 1
    else if (failedOn.has(engine)) failed += 1
  }
  if (live === 0 && include !== undefined) return targetsGone(include, dead)
  if (live > 0 && refused === live) return errorContent('ImpossibleDependency', '')
  // Where it failed it goes again only when there is nowhere else.
  const avoid = live > 0 && refused + failed === live ? refusedBy : union(refusedBy, failedOn)
  if (include !== undefined) return { include: difference(include, avoid) }
  return avoid.size === 0 ? ANYWHERE : { exclude: avoid }
}

function targetsGone(include: ReadonlySet<string>, dead: DeadEngines): ErrorContent {
  const deaths = [...include].map(uuid => dead.get(uuid)).filter(death => death !== undefined)
  return deaths.length === 0 ? errorContent('ImpossibleDependency', '') : diedWithTargets(deaths)
}

/** Engines on which `follow` is met by what ended there; empty: not yet; undefined: never. */
function enginesToFollow(
  follow: Dependency,
  { pool, history, outcomeOf }: Surroundings,
): Set<string> | undefined {
  const byId = new Map<number, number>()
  let counted = 0
  for (const id of follow.ids) {
    if (!counts(follow, outcomeOf(id))) continue
    counted += 1
    const engineId = history.engineOf(id)
    if (engineId !== undefined) byId.set(engineId, (byId.get(engineId) ?? 0) + 1)
  }
  if (follow.all && byId.size > 1) return undefined
  if (follow.all && counted < follow.ids.length) return new Set()
  const engines = new Set<string>()
  for (const engine of pool.all()) {
    const there = byId.get(engine.id) ?? 0
    if (follow.all ? there === follow.ids.length : there > 0) engines.add(engine.uuid)
  }
  const mayStillGrow = !follow.all && counted < follow.ids.length
  return engines.size > 0 || mayStillGrow ? engines : undefined
}

function union(
  a: ReadonlySet<string> = NO_ENGINES,
  b: ReadonlySet<string> = NO_ENGINES,
): ReadonlySet<string> {
  if (a.size === 0) return b
  return b.size === 0 ? a : new Set([...a, ...b])
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter(item => b.has(item)))
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter(item => !b.has(item)))
}
