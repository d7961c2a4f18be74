/**
 * Where a task may run: decides from its language and its targets, from where the tasks that it follows ran, and from where it has failed
 * or been refused. Knows the engines there are, and not how busy they are.
 */

import type { ErrorContent } from '../../protocol/catalogue.ts'
import type { DeadEngines } from './dead-engines.ts'
import type { DependencyProgress } from './dependency-progress.ts'
import { noTargetText, nowhereToFollowText, refusedText, scatteredText } from './dependency-texts.ts'
import type { EnginePool } from './engine-pool.ts'
import type { Task } from './task.ts'
import { ANYWHERE, mayRunOn, type Whereabouts } from './waiting-room.ts'
import { diedWithTargets, errorContent } from './wire-error.ts'

export interface Surroundings {
  readonly pool: EnginePool<Task>
  readonly dead: DeadEngines
}

const NO_ENGINES: ReadonlySet<string> = new Set()

/** Where a task may run at present; an error when it never will. */
export function whereaboutsOf(task: Task, around: Surroundings): Whereabouts | ErrorContent {
  const { targets, language, own } = task.plan
  const { refusedBy, failedOn, follow } = task
  if (targets === undefined && follow === undefined && refusedBy === undefined && failedOn === undefined) {
    return language
  }
  let include = targets
  if (follow !== undefined) {
    const engines = enginesToFollow(follow, around)
    if ('status' in engines) return engines
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
  const live = [...include].filter(engine => pool.get(engine) !== undefined)
  return impossible(live.length === 0 ? noTargetText(task) : refusedText(task, idsOf(live, pool)))
}

function whereOwn(
  task: Task,
  include: ReadonlySet<string> | undefined,
  { pool, dead }: Surroundings,
): Whereabouts | ErrorContent {
  const refusedBy = task.refusedBy ?? NO_ENGINES
  const failedOn = task.failedOn ?? NO_ENGINES
  const { language } = task.plan
  let live = 0
  let refused = 0
  let failed = 0
  for (const engine of include ?? pool.uuids()) {
    const place = pool.get(engine)
    if (place === undefined || !mayRunOn(language, place)) continue
    live += 1
    if (refusedBy.has(engine)) refused += 1
    else if (failedOn.has(engine)) failed += 1
  }
  if (live === 0 && include !== undefined) return targetsGone(task, include, dead)
  if (live > 0 && refused === live) return impossible(refusedText(task, idsOf(refusedBy, pool)))
  // Where it failed it goes again only when there is nowhere else.
  const avoid = live > 0 && refused + failed === live ? refusedBy : union(refusedBy, failedOn)
  if (include !== undefined) return { ...language, include: difference(include, avoid) }
  return avoid.size === 0 ? language : { ...language, exclude: avoid }
}

function targetsGone(task: Task, include: ReadonlySet<string>, dead: DeadEngines): ErrorContent {
  const deaths = [...include].map(uuid => dead.get(uuid)).filter(death => death !== undefined)
  return deaths.length === 0 ? impossible(noTargetText(task)) : diedWithTargets(deaths)
}

function impossible(text: string): ErrorContent {
  return errorContent('ImpossibleDependency', text)
}

/** Numbers of those that are there. */
function idsOf(engines: Iterable<string>, pool: EnginePool<Task>): number[] {
  return [...engines].flatMap(engine => pool.get(engine)?.id ?? []).sort((a, b) => a - b)
}

/** Engines on which `follow` is met by what ended there; none: not yet; an error: never. */
function enginesToFollow(
  follow: DependencyProgress,
  { pool, dead }: Surroundings,
): ReadonlySet<string> | ErrorContent {
  const { all } = follow.dependency
  if (all && follow.engines.size > 1) return impossible(scatteredText(follow))
  const engines = new Set<string>()
  for (const engine of pool.all()) if (follow.engines.has(engine.id)) engines.add(engine.uuid)
  // Where all are wanted on one engine, the first that ended elsewhere decides: the others need not be waited for.
  const isLost = all
    ? follow.nowhere > 0 || (follow.engines.size > 0 && engines.size === 0)
    : follow.open === 0 && engines.size === 0
  if (isLost) return impossible(nowhereToFollowText(follow, dead))
  return all && !follow.isMet ? NO_ENGINES : engines
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
