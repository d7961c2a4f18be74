/**
 * The engines that a keeper has started: which job each belongs to, and by which of the two ways it tells how it is. The
 * machine counts engines one by one; here they are put into jobs of several where their launcher starts them so.
 */

import { jobOfEngine, newJobName } from '../base/ids.ts'
import { EngineGroup } from './engine-group.ts'
import type { EngineNotice } from './hub-watch.ts'
import type { GroupLauncher, Job, Launcher, Program, SingleLauncher } from './launcher.ts'
import { asRank, withOptions } from './program.ts'
import type { EndSignal, LaunchEvent, LaunchNumber } from './state/launch-events.ts'

/** Engines that are started alike. */
export interface PlannedSet {
  readonly n: number
  readonly launcher: Launcher
  readonly program: Program
}

export interface EngineJobsOptions {
  /** At least one; the engines start in this order. */
  readonly sets: readonly PlannedSet[]
  /** Takes what has happened, in order, as one. */
  readonly tell: (events: readonly LaunchEvent[]) => void
  /** Ends engines by way of the hub. */
  readonly endEngines: (uuids: readonly string[], signal: EndSignal) => void
  /** Called when the id of a job is known that it had not at first. */
  readonly onSubmitted: () => void
}

interface Engine {
  readonly set: PlannedSet
  /** A job of its own, or that of the group that it shares with others. */
  readonly job: Job
  readonly group?: EngineGroup
}

interface Planned {
  readonly set: PlannedSet
  /** Number of the engine whose place it takes. */
  readonly replacedId?: number | undefined
}

interface Start extends Planned {
  readonly launch: LaunchNumber
}

/** See the head of this file. */
export class EngineJobs {
  readonly #options: EngineJobsOptions
  readonly #engines = new Map<LaunchNumber, Engine>()
  /** Whom those that are replaced were like: kept for as long as their replacement may be started. */
  readonly #sets = new Map<LaunchNumber, { readonly set: PlannedSet; readonly id: number | undefined }>()
  readonly #groups = new Map<string, EngineGroup>()
  #isUnref = false
  /** The highest number that any engine of the cluster was given. */
  #highestId = -1
  /** The engines that are about to be started. */
  readonly #next: Planned[]
  /** What is to become one job, or one signal to one, when all of it has been said. */
  #starts: Start[] = []
  #signals: { readonly launch: LaunchNumber; readonly group: EngineGroup; readonly signal: EndSignal }[] = []

  constructor(options: EngineJobsOptions) {
    this.#options = options
    this.#next = options.sets.flatMap(set => Array<Planned>(set.n).fill({ set }))
  }

  /** Whether engines are told of by the hub, and no other way. */
  get needsHub(): boolean {
    return this.#options.sets.some(({ launcher }) => launcher.kind === 'group')
  }

  /** Every job once. */
  get jobs(): readonly Job[] {
    return [...new Set([...this.#engines.values()].map(({ job }) => job))]
  }

  /** Lets our own process end while these, and those that follow, run. */
  unref(): void {
    this.#isUnref = true
    for (const job of this.jobs) job.unref()
  }

  pidOf(launch: LaunchNumber): number {
    const engine = this.#engines.get(launch)
    // The process of a job of several is none of its engines.
    return engine === undefined || engine.group !== undefined ? -1 : engine.job.pid
  }

  programOf(launch: LaunchNumber): Program {
    return this.#setOf(launch).program
  }

  /** The next engines to be started are to be like these; ranks take the numbers of those. */
  plan(like: readonly LaunchNumber[]): void {
    this.#next.push(...like.map(launch => this.#inPlaceOf(launch)))
  }

  /** All ranks of the MPI programs to which any of these engines belong. */
  ranksWith(launches: readonly LaunchNumber[]): readonly LaunchNumber[] {
    const groups = new Set(launches.map(launch => this.#engines.get(launch)?.group))
    return [...groups].flatMap(group => group?.ranks ?? [])
  }

  /** Follow it with `flush`. */
  start(launch: LaunchNumber, inPlaceOf: LaunchNumber | undefined): void {
    const planned =
      inPlaceOf === undefined
        ? (this.#next.shift() ?? { set: this.#roomiestSet() })
        : this.#inPlaceOf(inPlaceOf)
    const { set } = planned
    this.#sets.set(launch, { set, id: undefined })
    if (set.launcher.kind === 'single') this.#startSingle(launch, set, set.launcher)
    else this.#starts.push({ launch, ...planned })
  }

  /** Follow it with `flush`. */
  signal(launch: LaunchNumber, signal: EndSignal): void {
    const { job, group } = this.#engines.get(launch) ?? {}
    if (group === undefined) job?.signal(signal)
    else this.#signals.push({ launch, group, signal })
  }

  /** As `EngineGroup.signalBySystem`, for an engine of any job. */
  signalBySystem(launch: LaunchNumber, signal: NodeJS.Signals): Promise<void> | undefined {
    return this.#engines.get(launch)?.group?.signalBySystem(launch, signal)
  }

  /** Does what was gathered. */
  flush(): void {
    const starts = this.#starts
    this.#starts = []
    for (const set of new Set(starts.map(start => start.set))) {
      const ofSet = starts.filter(start => start.set === set)
      if (set.launcher.kind === 'group') this.#startGroup(set, set.launcher, ofSet)
    }
    const signals = this.#signals
    this.#signals = []
    for (const group of new Set(signals.map(one => one.group))) {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const meant = signals.filter(one => one.group === group && one.signal === signal)
        if (meant.length > 0)
          group.signal(
            meant.map(({ launch }) => launch),
            signal,
          )
      }
    }
  }

  /** What the hub says of any engine of the cluster. */
  notice(notice: EngineNotice): void {
    if (notice.type === 'came') this.#highestId = Math.max(this.#highestId, notice.id)
    const group = this.#groups.get(jobOfEngine(notice.uuid))
    if (notice.type === 'went') group?.went(notice.uuid, notice.cause)
    else {
      const launch = group?.came(notice.id, notice.uuid)
      if (launch !== undefined) this.#sets.set(launch, { set: this.#setOf(launch), id: notice.id })
    }
  }

  #inPlaceOf(launch: LaunchNumber): Planned {
    return { set: this.#setOf(launch), replacedId: this.#sets.get(launch)?.id }
  }

  #setOf(launch: LaunchNumber): PlannedSet {
    return this.#sets.get(launch)?.set ?? this.#options.sets[0]!
  }

  /** The set that has the smallest part of what it was planned to have, and of equal ones that with the fewest. */
  #roomiestSet(): PlannedSet {
    const [first, ...others] = this.#options.sets
    // Engines of this machine are added to the first set; hosts share what is added.
    if (first!.launcher.kind === 'single') return first!
    const engines = [...this.#engines.values(), ...this.#starts]
    const counts = new Map(
      this.#options.sets.map(set => [set, engines.filter(engine => engine.set === set).length]),
    )
    const isRoomier = (a: PlannedSet, b: PlannedSet): boolean => {
      const [countA, countB] = [counts.get(a)!, counts.get(b)!]
      const difference = countA / a.n - countB / b.n
      return difference === 0 ? countA < countB : difference < 0
    }
    return others.reduce((best, set) => (isRoomier(set, best) ? set : best), first!)
  }

  // Engines that tell by a pipe.

  #startSingle(launch: LaunchNumber, set: PlannedSet, launcher: SingleLauncher): void {
    const job = launcher.submit(set.program, {
      onEvent: event => {
        if (event.type === 'registered') {
          this.#options.tell([{ type: 'engine_registered', launch, id: event.id, uuid: event.uuid }])
        } else if (event.type === 'leaving') {
          this.#options.tell([{ type: 'engine_leaving', launch, restart: event.restart }])
        }
      },
      onEnd: end => {
        this.#engines.delete(launch)
        this.#options.tell([{ type: 'engine_ended', launch, end }])
      },
    })
    this.#engines.set(launch, { set, job })
    if (this.#isUnref) job.unref()
  }

  // Engines of which the hub tells.

  #startGroup(set: PlannedSet, launcher: GroupLauncher, starts: readonly Start[]): void {
    const name = newJobName()
    let program = set.program
    if (launcher.areRanks) {
      const first = this.#firstId(starts.map(start => start.replacedId))
      // Those that are started next, before the hub tells of these, follow them.
      this.#highestId = Math.max(this.#highestId, first + starts.length - 1)
      program = asRank(set.program, first)
    }
    const named = withOptions(program, [`--uuid-prefix=${name}`])
    const launches = starts.map(({ launch }) => launch)
    const { tell, endEngines, onSubmitted } = this.#options
    const group = new EngineGroup({
      launches,
      areRanks: launcher.areRanks,
      submit: handlers => launcher.submit(named, starts.length, handlers),
      tell,
      endEngines,
      onSubmitted,
      onGone: launch => this.#engines.delete(launch),
      onEnd: () => this.#groups.delete(name),
    })
    this.#groups.set(name, group)
    const { job } = group
    for (const launch of launches) this.#engines.set(launch, { set, job, group })
    if (this.#isUnref) job.unref()
  }

  /** Ranks that replace others take their numbers; those that are added follow the highest that there is. */
  #firstId(replaced: readonly (number | undefined)[]): number {
    const ids = replaced.filter(id => id !== undefined)
    return ids.length > 0 ? Math.min(...ids) : this.#highestId + 1
  }
}
