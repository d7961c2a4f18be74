/**
 * The engines that a keeper has started: which job each belongs to, and by which of the two ways it tells how it is. The
 * machine counts engines one by one; here they are put into jobs of several where their launcher starts them so.
 */

import { jobOfEngine, newJobName } from '../base/ids.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import type { EngineNotice } from './hub-watch.ts'
import type { GroupJob, GroupLauncher, Job, Launcher, Program, SingleLauncher } from './launcher.ts'
import { withOptions } from './program.ts'
import type { EndSignal, LaunchEvent, LaunchNumber, ProgramEnd } from './state/launch-events.ts'

/** How long the rest of a job of ranks may take to end by itself when one is gone. */
const BROKEN_JOB_MS = 3000
/** How long the hub may take to tell of engines that ended with their job. */
const LAST_NOTICES_MS = 1000

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
}

interface Engine {
  readonly launch: LaunchNumber
  readonly set: PlannedSet
  job: Job | undefined
  /** The job that it shares with others. */
  group: Group | undefined
  /** As the hub calls it, once it does. */
  id: number | undefined
  uuid: string | undefined
  /** How it was last asked to end. */
  asked: EndSignal | undefined
}

/** A job of several engines. */
interface Group {
  readonly set: PlannedSet
  readonly engines: Map<LaunchNumber, Engine>
  job: GroupJob | undefined
  /** One of its ranks is gone, and it is given time to end by itself. */
  isBroken: boolean
  end: ProgramEnd | undefined
  lastNotices: NodeJS.Timeout | undefined
}

/** See the head of this file. */
export class EngineJobs {
  readonly #options: EngineJobsOptions
  readonly #engines = new Map<LaunchNumber, Engine>()
  /** Whom those that are replaced were like: kept for as long as their replacement may be started. */
  readonly #sets = new Map<LaunchNumber, { readonly set: PlannedSet; readonly id: number | undefined }>()
  readonly #groups = new Map<string, Group>()
  #isUnref = false
  /** The highest number that any engine of the cluster was given. */
  #highestId = -1
  /** Sets of the engines that are about to be started. */
  readonly #next: PlannedSet[]
  /** What is to become one job, or one signal to one, when all of it has been said. */
  #starts: { readonly engine: Engine; readonly replacedId: number | undefined }[] = []
  #signals: { readonly engine: Engine; readonly signal: EndSignal }[] = []

  constructor(options: EngineJobsOptions) {
    this.#options = options
    this.#next = options.sets.flatMap(set => Array<PlannedSet>(set.n).fill(set))
  }

  /** Whether engines are told of by the hub, and no other way. */
  get needsHub(): boolean {
    return this.#options.sets.some(({ launcher }) => launcher.kind === 'group')
  }

  /** Every job once. */
  get jobs(): readonly Job[] {
    const jobs = [...this.#engines.values()].map(({ job, group }) => group?.job ?? job)
    return [...new Set(jobs)].filter(job => job !== undefined)
  }

  /** Lets our own process end while these, and those that follow, run. */
  unref(): void {
    this.#isUnref = true
    for (const job of this.jobs) job.unref()
  }

  pidOf(launch: LaunchNumber): number {
    const engine = this.#engines.get(launch)
    // The process of a job of several is none of its engines.
    return engine?.job?.pid ?? -1
  }

  programOf(launch: LaunchNumber): Program {
    return this.#setOf(launch).program
  }

  /** The next engines to be started are to be like these. */
  plan(like: readonly LaunchNumber[]): void {
    this.#next.push(...like.map(launch => this.#setOf(launch)))
  }

  /** Follow it with `flush`. */
  start(launch: LaunchNumber, inPlaceOf: LaunchNumber | undefined): void {
    const set = inPlaceOf === undefined ? (this.#next.shift() ?? this.#roomiestSet()) : this.#setOf(inPlaceOf)
    const engine: Engine = {
      launch,
      set,
      job: undefined,
      group: undefined,
      id: undefined,
      uuid: undefined,
      asked: undefined,
    }
    this.#engines.set(launch, engine)
    this.#sets.set(launch, { set, id: undefined })
    if (set.launcher.kind === 'single') this.#startSingle(engine, set.launcher)
    else {
      const replacedId = inPlaceOf === undefined ? undefined : this.#sets.get(inPlaceOf)?.id
      this.#starts.push({ engine, replacedId })
    }
  }

  /** Follow it with `flush`. */
  signal(launch: LaunchNumber, signal: EndSignal): void {
    const engine = this.#engines.get(launch)
    if (engine === undefined) return
    if (engine.group === undefined) engine.job?.signal(signal)
    else this.#signals.push({ engine, signal })
  }

  /** Does what was gathered. */
  flush(): void {
    const starts = this.#starts
    this.#starts = []
    for (const set of new Set(starts.map(({ engine }) => engine.set))) {
      const { launcher } = set
      if (launcher.kind === 'group')
        this.#startGroup(
          set,
          launcher,
          starts.filter(({ engine }) => engine.set === set),
        )
    }
    const signals = this.#signals
    this.#signals = []
    for (const group of new Set(signals.map(({ engine }) => engine.group))) {
      if (group !== undefined)
        this.#signalGroup(
          group,
          signals.filter(({ engine }) => engine.group === group),
        )
    }
  }

  /** What the hub says of any engine of the cluster. */
  notice(notice: EngineNotice): void {
    if (notice.type === 'came') this.#highestId = Math.max(this.#highestId, notice.id)
    const group = this.#groups.get(jobOfEngine(notice.uuid))
    if (group === undefined) return
    if (notice.type === 'came') this.#came(group, notice.id, notice.uuid)
    else this.#went(group, notice.uuid, notice.cause)
  }

  #setOf(launch: LaunchNumber): PlannedSet {
    return this.#sets.get(launch)?.set ?? this.#options.sets[0]!
  }

  /** The set that has the smallest part of what it was planned to have, and of equal ones that with the fewest. */
  #roomiestSet(): PlannedSet {
    const [first, ...others] = this.#options.sets
    // Engines of this machine are added to the first set; hosts share what is added.
    if (first!.launcher.kind === 'single') return first!
    const engines = [...this.#engines.values()]
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

  #startSingle(engine: Engine, launcher: SingleLauncher): void {
    const { launch } = engine
    engine.job = launcher.submit(engine.set.program, {
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
    if (this.#isUnref) engine.job.unref()
  }

  // Engines of which the hub tells.

  #startGroup(
    set: PlannedSet,
    launcher: GroupLauncher,
    starts: readonly { readonly engine: Engine; readonly replacedId: number | undefined }[],
  ): void {
    const name = newJobName()
    const group: Group = {
      set,
      engines: new Map(starts.map(({ engine }) => [engine.launch, engine])),
      job: undefined,
      isBroken: false,
      end: undefined,
      lastNotices: undefined,
    }
    for (const { engine } of starts) engine.group = group
    this.#groups.set(name, group)
    const options = [`--uuid-prefix=${name}`]
    if (launcher.areRanks)
      options.push('--mpi', `--id=${this.#firstId(starts.map(start => start.replacedId))}`)
    group.job = launcher.submit(withOptions(set.program, options), starts.length, {
      onEnd: end => this.#jobEnded(group, name, end),
    })
    if (this.#isUnref) group.job.unref()
  }

  /** Ranks that replace others take their numbers; those that are added follow the highest that there is. */
  #firstId(replaced: readonly (number | undefined)[]): number {
    const ids = replaced.filter(id => id !== undefined)
    return ids.length > 0 ? Math.min(...ids) : this.#highestId + 1
  }

  #came(group: Group, id: number, uuid: string): void {
    const engines = [...group.engines.values()]
    const engine = engines.find(one => one.uuid === uuid) ?? engines.find(one => one.uuid === undefined)
    if (engine === undefined) {
      // It was given up, its place was taken, and now it is back.
      this.#options.endEngines([uuid], 'SIGTERM')
      return
    }
    engine.id = id
    engine.uuid = uuid
    this.#sets.set(engine.launch, { set: engine.set, id })
    this.#options.tell([{ type: 'engine_registered', launch: engine.launch, id, uuid }])
    // It could not be reached when it was asked.
    if (engine.asked !== undefined) this.#options.endEngines([uuid], engine.asked)
  }

  #went(group: Group, uuid: string, cause: DeathCause | undefined): void {
    const engine = [...group.engines.values()].find(one => one.uuid === uuid)
    if (engine === undefined) return
    const { launch } = engine
    const events: LaunchEvent[] = []
    if (cause?.shutdown !== undefined) {
      events.push({ type: 'engine_leaving', launch, restart: cause.shutdown === 'restart' })
    }
    if (isOfRanks(group) && group.end === undefined) {
      // The job goes with it, and tells the end of all.
      this.#endBrokenJob(group)
    } else {
      group.engines.delete(launch)
      this.#engines.delete(launch)
      events.push({ type: 'engine_ended', launch, end: group.end ?? endOf(cause) })
    }
    if (events.length > 0) this.#options.tell(events)
    if (group.end !== undefined && ![...group.engines.values()].some(one => one.uuid !== undefined)) {
      this.#tellEnd(group, group.end)
    }
  }

  /** Whoever started the ranks ends them as a rule; an engine that is only not heard any more is nobody's business but ours. */
  #endBrokenJob(group: Group): void {
    const { job } = group
    if (job === undefined || group.isBroken) return
    group.isBroken = true
    setTimeout(() => job.signal('SIGTERM'), BROKEN_JOB_MS).unref()
    setTimeout(() => job.signal('SIGKILL'), 2 * BROKEN_JOB_MS).unref()
  }

  /** A job that ends well does so because its engines were asked to leave: what the hub has to say of them comes first. */
  #jobEnded(group: Group, name: string, end: ProgramEnd): void {
    group.end = end
    const tellAll = (): void => {
      this.#groups.delete(name)
      this.#tellEnd(group, end)
    }
    const mayBeAsked = end.exitCode === 0 && [...group.engines.values()].some(one => one.uuid !== undefined)
    if (mayBeAsked) group.lastNotices = setTimeout(tellAll, LAST_NOTICES_MS)
    else tellAll()
  }

  #tellEnd(group: Group, end: ProgramEnd): void {
    clearTimeout(group.lastNotices)
    const launches = [...group.engines.keys()]
    if (launches.length === 0) return
    group.engines.clear()
    for (const launch of launches) this.#engines.delete(launch)
    this.#options.tell([{ type: 'job_ended', launches, end }])
  }

  /** One signal to the job where all that is left of it is meant, else to each engine by way of the hub. */
  #signalGroup(
    group: Group,
    signals: readonly { readonly engine: Engine; readonly signal: EndSignal }[],
  ): void {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const meant = signals.filter(one => one.signal === signal).map(({ engine }) => engine)
      if (meant.length === 0) continue
      for (const engine of meant) engine.asked = signal
      const isWhole = [...group.engines.values()].every(engine => engine.asked !== undefined)
      if (isWhole || isOfRanks(group)) {
        group.job?.signal(signal)
        continue
      }
      const uuids = meant.map(({ uuid }) => uuid).filter(uuid => uuid !== undefined)
      if (uuids.length > 0) this.#options.endEngines(uuids, signal)
    }
  }
}

function isOfRanks({ set }: Group): boolean {
  return set.launcher.kind === 'group' && set.launcher.areRanks
}

/** The end of one engine of a job that goes on, by what the hub knows of it. */
function endOf(cause: DeathCause | undefined): ProgramEnd {
  // Without a cause it said goodbye itself.
  const exitCode = cause === undefined || cause.shutdown !== undefined ? 0 : (cause.exit_code ?? null)
  const end = { exitCode, signal: cause?.signal ?? null, output: cause?.stderr ?? '' }
  return cause?.reason === undefined ? end : { ...end, reason: cause.reason }
}
