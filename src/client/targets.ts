import { inspect } from 'node:util'
import type { EngineUuid } from '../base/ids.ts'
import { InvalidTargetError, NoEnginesError } from '../errors.ts'
import { describeDeath } from './reply-errors.ts'
import type { Roster } from './state/roster.ts'

/** Engines that run one language: all that there are when it is used. */
export interface EnginesOf {
  readonly language: 'javascript' | 'python'
}

/**
 * Which engines: all that there are when it is used, all of one language, one, or some. Negative numbers count from the
 * last.
 */
export type Targets = 'all' | EnginesOf | number | readonly number[]

/** A live engine. */
export interface Target {
  readonly id: number
  readonly uuid: EngineUuid
  /** What it runs: `javascript`, `python`. */
  readonly language: string
}

/** Whether `targets` names a language. */
export function isLanguage(targets: Targets): targets is EnginesOf {
  return typeof targets === 'object' && targets !== null && 'language' in targets
}

/**
 * The live engines that `targets` means now, in the order given.
 *
 * @throws InvalidTargetError for one that is not there.
 * @throws NoEnginesError when there is none at all.
 */
export function resolveTargets(roster: Roster, targets: Targets): Target[] {
  if (!isTargets(targets)) throw wrongTargets(targets)
  const ids = currentIds(roster, targets)
  if (ids.length === 0) throw noEngines(targets)
  return ids.map(id => findTarget(roster, id))
}

/** Ids that `targets` stands for now, whether or not all of them are there. */
export function currentIds(roster: Roster, targets: Targets): number[] {
  if (targets === 'all') return [...roster.ids]
  if (isLanguage(targets))
    return roster.ids.filter(id => roster.languageOf(roster.uuidOf(id)!) === targets.language)
  const ids = typeof targets === 'number' ? [targets] : targets
  return ids.map(id => (id < 0 ? (roster.ids.at(id) ?? id) : id))
}

function isTargets(targets: Targets): boolean {
  return targets === 'all' || typeof targets === 'number' || Array.isArray(targets) || isLanguage(targets)
}

function noEngines(targets: Targets): NoEnginesError {
  if (targets === 'all')
    return new NoEnginesError(
      'there is no engine to run on: start some with `ipcluster engines --n=4`, or wait with rc.waitForEngines(1)',
    )
  return new NoEnginesError(
    isLanguage(targets)
      ? `there is no engine that runs ${targets.language}: rc.engines says what there is`
      : 'the list of targets is empty: name at least one engine',
  )
}

function findTarget(roster: Roster, id: number): Target {
  const live = roster.ids
  const number = Number.isInteger(id) && id < 0 ? live.at(id) : id
  const uuid = number === undefined ? undefined : roster.uuidOf(number)
  if (number === undefined || uuid === undefined) throw unknownTarget(roster, id)
  return { id: number, uuid, language: roster.languageOf(uuid) }
}

function wrongTargets(targets: unknown): InvalidTargetError {
  return new InvalidTargetError(
    `targets are 'all', an engine id, an array of ids, or { language: 'python' }, and not ${inspect(targets)}`,
  )
}

function unknownTarget(roster: Roster, id: number): InvalidTargetError {
  const live = roster.ids
  const who =
    live.length === 0
      ? 'no engine is running: start some with `ipcluster engines --n=4`'
      : `engines running: ${live.join(', ')}`
  const why = roster.hasLeft(id)
    ? `engine ${id} is gone, and the names it held with it${describeDeath(roster.causeOf(id))}`
    : `there is no engine ${String(id)}`
  return new InvalidTargetError(`${why}; ${who}`)
}

/** Python's slice of the ids: bounds may be negative or left out, and the step may go backwards. */
export function sliceIds(ids: readonly number[], start?: number, end?: number, step = 1): number[] {
  if (!Number.isInteger(step) || step === 0)
    throw new InvalidTargetError(`a slice's step must be a whole number other than 0, and is ${step}`)
  const { length } = ids
  const bound = (value: number, low: number, high: number) =>
    Math.min(Math.max(value < 0 ? value + length : value, low), high)
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1]
  const first = start === undefined ? (step > 0 ? low : high) : bound(start, low, high)
  const last = end === undefined ? (step > 0 ? high : low) : bound(end, low, high)
  const sliced: number[] = []
  for (let i = first; step > 0 ? i < last : i > last; i += step) sliced.push(ids[i]!)
  return sliced
}
