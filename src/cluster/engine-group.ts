/** Engines that share a job: the hub says which of them come and go, and the launcher when the job, or one of its tasks, has ended. */

import { taskOfEngine } from '../base/ids.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import type { GroupHandlers, GroupJob } from './launcher.ts'
import type { EndSignal, LaunchEvent, LaunchNumber, ProgramEnd } from './state/launch-events.ts'

/** How long the rest of a job of ranks may take to end by itself when one is gone. */
const BROKEN_JOB_MS = 3000
/** How long the hub may take to tell of engines that ended with their job. */
const LAST_NOTICES_MS = 1000
/** How long the system may take to say how an engine ended that the hub has lost. */
const LOST_MS = 3000
/** As long, for one that said goodbye though nobody here had asked it to: whoever did will end it for good. */
const GOODBYE_MS = 20_000

export interface EngineGroupOptions {
  readonly launches: readonly LaunchNumber[]
  /** They live and die together: see `GroupLauncher.areRanks`. */
  readonly areRanks: boolean
  readonly submit: (handlers: GroupHandlers) => GroupJob
  /** Takes what has happened, in order, as one. */
  readonly tell: (events: readonly LaunchEvent[]) => void
  /** Ends engines by way of the hub. */
  readonly endEngines: (uuids: readonly string[], signal: EndSignal) => void
  readonly onSubmitted: () => void
  /** Called for each engine that is no longer one of the group, before its end is told. */
  readonly onGone: (launch: LaunchNumber) => void
  /** Called when nothing more is to be heard of the job. */
  readonly onEnd: () => void
}

interface Member {
  /** As the hub calls it, once it does. */
  uuid: string | undefined
  /** How it was last asked to end. */
  asked: EndSignal | undefined
  /** It is gone, and only what remains to be heard of it is waited for. */
  isGone: boolean
  patience: NodeJS.Timeout | undefined
}

/** See the head of this file. */
export class EngineGroup {
  readonly job: GroupJob
  readonly #options: EngineGroupOptions
  readonly #members: Map<LaunchNumber, Member>
  /** One of its ranks is gone, and it is given time to end by itself. */
  #isBroken = false
  /** There is but one engine in the job. */
  readonly #isAlone: boolean
  /** Tasks of engines that are not waited for any more. */
  readonly #goneTasks = new Set<string>()
  #end: ProgramEnd | undefined
  #lastNotices: NodeJS.Timeout | undefined

  constructor(options: EngineGroupOptions) {
    this.#options = options
    this.#members = new Map(options.launches.map(launch => [launch, newMember()]))
    this.#isAlone = options.launches.length === 1
    this.job = options.submit({
      onSubmitted: options.onSubmitted,
      onEnd: end => this.#jobEnded(end),
      onTaskEnd: (task, end) => this.#taskEnded(task, end),
    })
  }

  /** Those that end when one of them does. */
  get ranks(): readonly LaunchNumber[] {
    return this.#options.areRanks ? [...this.#members.keys()] : []
  }

  /** The hub has admitted an engine of this group. @returns which one it is, if it is still wanted. */
  came(id: number, uuid: string): LaunchNumber | undefined {
    const [launch, member] = this.#memberOf(uuid) ?? this.#memberOf(undefined) ?? []
    if (launch === undefined || member === undefined) {
      // It was given up, its place was taken, and now it is back.
      this.#options.endEngines([uuid], 'SIGTERM')
      return undefined
    }
    member.uuid = uuid
    // It may have been lost for a moment only.
    member.isGone = false
    clearTimeout(member.patience)
    this.#options.tell([{ type: 'engine_registered', launch, id, uuid }])
    // It could not be reached when it was asked.
    if (member.asked !== undefined) this.#options.endEngines([uuid], member.asked)
    return launch
  }

  /** The hub has lost an engine of this group, or it has said goodbye. */
  went(uuid: string, cause: DeathCause | undefined): void {
    const [launch, member] = this.#memberOf(uuid) ?? []
    if (launch === undefined || member === undefined || member.isGone) return
    const events: LaunchEvent[] = []
    if (cause?.shutdown !== undefined) {
      member.asked ??= 'SIGTERM'
      events.push({ type: 'engine_leaving', launch, restart: cause.shutdown === 'restart' })
    }
    if (this.#options.areRanks && this.#end === undefined) {
      // The job goes with it, and tells the end of all.
      this.#endBrokenJob()
    } else if (this.#isToBeToldBySystem(member, cause)) {
      this.#awaitSystem(launch, member, cause)
    } else {
      this.#forget(launch)
      events.push({ type: 'engine_ended', launch, end: this.#end ?? endOf(cause) })
    }
    if (events.length > 0) this.#options.tell(events)
    if (this.#end !== undefined && !this.#hasRegistered) this.#tellEnd(this.#end)
  }

  /** One signal to the job where all that is left of it is meant, else to each engine by way of the hub. */
  signal(launches: readonly LaunchNumber[], signal: EndSignal): void {
    const members = launches.map(launch => this.#members.get(launch)).filter(member => member !== undefined)
    for (const member of members) member.asked = signal
    const isWhole = [...this.#members.values()].every(member => member.asked !== undefined)
    if (isWhole || this.#options.areRanks) {
      this.job.signal(signal)
      return
    }
    const uuids = members.map(({ uuid }) => uuid).filter(uuid => uuid !== undefined)
    if (uuids.length > 0) this.#options.endEngines(uuids, signal)
    // One that does not hear the hub any more is ended all the same.
    if (signal === 'SIGKILL') for (const member of members) void this.#signalTask(member, signal)
  }

  /**
   * Has the system send an engine a signal. Undefined where it has no way to.
   *
   * @returns what went wrong, as a rejection.
   */
  signalBySystem(launch: LaunchNumber, signal: NodeJS.Signals): Promise<void> | undefined {
    const member = this.#members.get(launch)
    return member === undefined ? undefined : this.#signalTask(member, signal)
  }

  #signalTask({ uuid }: Member, signal: NodeJS.Signals): Promise<void> | undefined {
    const task = this.#taskOf(uuid)
    const sent = task === undefined ? undefined : this.job.signalTask?.(task, signal)
    // Not everybody waits for it.
    sent?.catch(() => {})
    return sent
  }

  #taskOf(uuid: string | undefined): string | undefined {
    return this.#isAlone ? '' : uuid === undefined ? undefined : taskOfEngine(uuid)
  }

  /** A batch system knows more of an end than the hub does: whether time was up, the exit code, the log. */
  #isToBeToldBySystem({ asked }: Member, cause: DeathCause | undefined): boolean {
    const isAsked = asked !== undefined || cause?.shutdown !== undefined
    return this.job.look !== undefined && this.#end === undefined && !isAsked
  }

  #awaitSystem(launch: LaunchNumber, member: Member, cause: DeathCause | undefined): void {
    member.isGone = true
    const patienceMs = cause === undefined ? GOODBYE_MS : LOST_MS
    member.patience = setTimeout(() => this.#giveUp(launch, member, endOf(cause)), patienceMs).unref()
    this.job.look?.(this.#taskOf(member.uuid))
  }

  /** The system does not say that it has ended: whatever is left of it is not to come back when its place is taken. */
  #giveUp(launch: LaunchNumber, member: Member, end: ProgramEnd): void {
    const sent = this.#signalTask(member, 'SIGTERM')
    this.#forget(launch)
    if (sent === undefined && this.#members.size === 0) this.#endBrokenJob()
    this.#options.tell([{ type: 'engine_ended', launch, end }])
  }

  /** One of an array has ended: it is known by its uuid, or any that has not registered stands for it. */
  #taskEnded(task: string, end: ProgramEnd): void {
    const isIt = ({ uuid }: Member): boolean => uuid !== undefined && taskOfEngine(uuid) === task
    const entries = [...this.#members]
    const found = entries.find(([, member]) => isIt(member))
    const [launch, member] =
      found ?? (this.#goneTasks.has(task) ? [] : (entries.find(([, { uuid }]) => uuid === undefined) ?? []))
    if (launch === undefined || member === undefined) return
    const tell = (): void => {
      this.#forget(launch)
      this.#options.tell([{ type: 'engine_ended', launch, end }])
    }
    // One that ends well was asked to by somebody: what the hub has to say of that comes first.
    const mayBeAsked = end.exitCode === 0 && found !== undefined && !member.isGone
    clearTimeout(member.patience)
    if (!mayBeAsked) tell()
    else member.patience = setTimeout(tell, LAST_NOTICES_MS)
  }

  get #hasRegistered(): boolean {
    return [...this.#members.values()].some(({ uuid }) => uuid !== undefined)
  }

  #memberOf(uuid: string | undefined): [LaunchNumber, Member] | undefined {
    return [...this.#members].find(([, member]) => member.uuid === uuid)
  }

  #forget(launch: LaunchNumber): void {
    const member = this.#members.get(launch)
    clearTimeout(member?.patience)
    const task = this.#taskOf(member?.uuid)
    if (task !== undefined) this.#goneTasks.add(task)
    this.#members.delete(launch)
    this.#options.onGone(launch)
  }

  /** Whoever started the ranks ends them as a rule; an engine that is only not heard any more is nobody's business but ours. */
  #endBrokenJob(): void {
    if (this.#isBroken) return
    this.#isBroken = true
    setTimeout(() => this.job.signal('SIGTERM'), BROKEN_JOB_MS).unref()
    setTimeout(() => this.job.signal('SIGKILL'), 2 * BROKEN_JOB_MS).unref()
  }

  /**
   * A job that ends well does so because its engines were asked to leave: where that was not by us, what the hub has to
   * say of them comes first.
   */
  #jobEnded(end: ProgramEnd): void {
    this.#end = end
    const isUntold = [...this.#members.values()].some(
      ({ uuid, asked }) => uuid !== undefined && asked === undefined,
    )
    if (end.exitCode === 0 && isUntold)
      this.#lastNotices = setTimeout(() => this.#tellEnd(end), LAST_NOTICES_MS)
    else this.#tellEnd(end)
  }

  #tellEnd(end: ProgramEnd): void {
    clearTimeout(this.#lastNotices)
    this.#options.onEnd()
    const areAsked = [...this.#members.values()].map(({ asked }) => asked !== undefined)
    // Ranks end well with those that were asked to, and have not been asked themselves.
    const isForOthers = this.#options.areRanks && areAsked.includes(true) && areAsked.includes(false)
    const told = isForOthers && end.exitCode === 0 ? { ...end, exitCode: null, signal: 'SIGTERM' } : end
    const launches = [...this.#members.keys()]
    for (const launch of launches) this.#forget(launch)
    if (launches.length > 0) this.#options.tell([{ type: 'job_ended', launches, end: told }])
  }
}

function newMember(): Member {
  return { uuid: undefined, asked: undefined, isGone: false, patience: undefined }
}

/** The end of one engine of a job that goes on, by what the hub knows of it. */
function endOf(cause: DeathCause | undefined): ProgramEnd {
  // Without a cause it said goodbye itself.
  const exitCode = cause === undefined || cause.shutdown !== undefined ? 0 : (cause.exit_code ?? null)
  const end = { exitCode, signal: cause?.signal ?? null, output: cause?.stderr ?? '' }
  return cause?.reason === undefined ? end : { ...end, reason: cause.reason }
}
