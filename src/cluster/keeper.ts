/**
 * The keeper of a cluster: the shell around the `Launch` machine. It starts programs through launchers, feeds what
 * they tell into the machine, and does what that answers. It lives in the process that owns the cluster, be that
 * `ipcluster` or a user's program; when that process dies, however it dies, the programs' lifelines end and so do they.
 */

import { Alarm } from '../base/alarm.ts'
import { assertNever } from '../base/assert.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { type Logger, silentLogger } from '../base/log.ts'
import { type ParallelError, UsageError } from '../errors.ts'
import { ControllerJob } from './controller-job.ts'
import { EngineJobs } from './engine-jobs.ts'
import { HubContact } from './hub-contact.ts'
import { KeeperFiles } from './keeper-files.ts'
import { type KeeperPlan, launchersOf } from './keeper-plan.ts'
import { endError, howItEnded, type LaunchPrograms, startError } from './launch-error.ts'
import type { GroupLauncher } from './launcher.ts'
import { FIRST_BATCH, Launch } from './state/launch.ts'
import type {
  BatchNumber,
  LaunchEffect,
  LaunchEvent,
  LaunchNews,
  LaunchNumber,
  ProgramEnd,
} from './state/launch-events.ts'
import { waitingJobs } from './waiting-jobs.ts'

/** How long a program that was killed may take to be gone. */
const END_MS = 3000

/** An engine that is up. */
export interface KeptEngine {
  readonly id: number
  readonly uuid: string
  readonly pid: number
}

export interface KeeperOptions {
  readonly log?: Logger | undefined
  readonly clock?: Clock
  /** Called with what happens, after it has happened. */
  readonly onNews?: ((news: LaunchNews) => void) | undefined
}

/** See the head of this file. */
export class Keeper {
  readonly plan: KeeperPlan
  /** Resolves when nothing of the cluster runs any more: with the reason where that was not asked for. */
  readonly ended: Promise<ParallelError | undefined>

  readonly #machine: Launch
  readonly #clock: Clock
  readonly #log: Logger
  readonly #alarm: Alarm
  readonly #hub: HubContact
  readonly #onNews: (news: LaunchNews) => void
  readonly #end: Deferred<ParallelError | undefined> = deferred()
  readonly #batches = new Map<BatchNumber, Deferred<void>>()
  /** Undefined where somebody else keeps it. */
  readonly #controller: ControllerJob | undefined
  readonly #engineJobs: EngineJobs
  readonly #files: KeeperFiles
  readonly #goneWaiters = new Set<{ readonly launches: readonly LaunchNumber[]; readonly done: () => void }>()
  #nextBatch: BatchNumber = FIRST_BATCH
  /** What jobs waited for when time was last up: a start has failed only when they are gone. */
  #waitingJobs: readonly string[] = []

  constructor(plan: KeeperPlan, options: KeeperOptions = {}) {
    this.plan = plan
    this.ended = this.#end.promise
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLogger
    this.#hub = new HubContact(plan, this.#log)
    this.#onNews = options.onNews ?? (() => {})
    const onSubmitted = (): void => this.#files.jobsChanged()
    if (plan.controller !== undefined)
      this.#controller = new ControllerJob({
        ...plan.controller,
        untilListening: () => this.#hub.untilListening(),
        onReady: () => this.#controllerReady(),
        onEnd: end => this.#handle({ type: 'controller_ended', end }),
        onSubmitted,
      })
    this.#engineJobs = new EngineJobs({
      sets: plan.engines.sets,
      tell: events => this.#engineEvents(events),
      endEngines: (uuids, signal) => this.#hub.endEngines(uuids, signal),
      onSubmitted,
    })
    const jobs = () => ({ controller: this.#controller?.job, engines: this.#engineJobs.jobs })
    this.#files = new KeeperFiles(plan, jobs, this.#log)
    this.#alarm = new Alarm(this.#clock, () => this.#handle({ type: 'tick' }))
    this.#machine = new Launch({
      hasController: plan.controller !== undefined,
      startTimeoutMs: plan.startTimeoutMs,
      killMs: Math.max(...launchersOf(plan).map(launcher => (launcher as GroupLauncher).endMs ?? END_MS)),
    })
  }

  get isRunning(): boolean {
    return this.#machine.phase === 'running'
  }

  get engines(): KeptEngine[] {
    return this.#machine.registered.map(({ launch, id, uuid }) => ({
      id,
      uuid,
      pid: this.#engineJobs.pidOf(launch),
    }))
  }

  /** What jobs waited for when time was last up. */
  get waitingJobs(): readonly string[] {
    return this.#waitingJobs
  }

  get controllerPid(): number | undefined {
    return this.#controller?.job?.pid
  }

  /**
   * Resolves when all is up.
   *
   * @throws ConfigurationError when the cluster runs already; SubmitError when a program failed; the signal's reason.
   * Nothing is left running then.
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await this.#files.claim()
    if (signal?.aborted === true) this.#files.remove()
    signal?.throwIfAborted()
    const abort = (): void => this.#handle({ type: 'stop_requested' })
    signal?.addEventListener('abort', abort, { once: true })
    try {
      if (this.plan.controller === undefined) await this.#openHub()
      const up = this.#awaitBatch(this.#takeBatchNumber())
      this.#handle({ type: 'start_requested', engines: this.plan.n })
      await up
      await this.#hub.untilAdmitted(() => this.#machine.registered, signal)
    } catch (error) {
      await this.stop()
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends everything, by force where it must. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    if (this.isRunning && this.plan.controller !== undefined) await this.#hub.sayGoodbye()
    this.#handle({ type: 'stop_requested' })
    await this.ended
  }

  /** Ends everything at once, without asking. */
  async kill(): Promise<void> {
    this.#handle({ type: 'force_requested' })
    await this.ended
  }

  /** Resolves with the new engines, which are of the first set, when all of them are up. */
  addEngines(n: number): Promise<KeptEngine[]> {
    return this.#startEngines(n, [])
  }

  /** Ends these engines; they are not replaced. Resolves when they are gone. */
  stopEngines(ids: readonly number[]): Promise<void> {
    return this.#endEngines(this.#launchesOf(ids))
  }

  /** Ends these engines, and with ranks all ranks of their program, and starts as many. Resolves when those are up. */
  async restartEngines(ids: readonly number[]): Promise<void> {
    const launches = this.#launchesOf(ids)
    const ranks = this.#engineJobs.ranksWith(launches)
    const others = launches.filter(launch => !ranks.includes(launch))
    // New ones first: a cluster that never has fewer engines than before keeps its tasks going.
    if (others.length > 0) await this.#startEngines(others.length, others)
    await this.#endEngines([...others, ...ranks])
    // But not two of one rank.
    if (ranks.length > 0) await this.#startEngines(ranks.length, ranks)
  }

  /** @param like - engines that they are to be like; ranks take their numbers. */
  async #startEngines(n: number, like: readonly LaunchNumber[]): Promise<KeptEngine[]> {
    this.#engineJobs.plan(like)
    const before = new Set(this.#machine.registered.map(engine => engine.launch))
    this.#waitingJobs = []
    const batch = this.#takeBatchNumber()
    const up = this.#awaitBatch(batch)
    this.#handle({ type: 'engines_requested', batch, engines: n })
    await up
    await this.#hub.untilAdmitted(() => this.#machine.registered)
    const fresh = new Set(this.#machine.registered.filter(e => !before.has(e.launch)).map(e => e.id))
    return this.engines.filter(engine => fresh.has(engine.id))
  }

  async #endEngines(launches: readonly LaunchNumber[]): Promise<void> {
    const gone = new Promise<void>(done => {
      this.#goneWaiters.add({ launches, done })
    })
    this.#handle({ type: 'engines_unwanted', launches })
    await gone
  }

  /** Has the batch system send an engine a signal. Undefined where it is in no job of one, or that has no way to. */
  signalBySystem(id: number, signal: NodeJS.Signals): Promise<void> | undefined {
    const engine = this.#machine.registered.find(one => one.id === id)
    return engine === undefined ? undefined : this.#engineJobs.signalBySystem(engine.launch, signal)
  }

  /** @throws UsageError when one of the engines is not ours. */
  #launchesOf(ids: readonly number[]): LaunchNumber[] {
    const byId = new Map(this.#machine.registered.map(engine => [engine.id, engine.launch]))
    return ids.map(id => {
      const launch = byId.get(id)
      if (launch !== undefined) return launch
      const known = [...byId.keys()].join(', ') || 'none'
      throw new UsageError(`no engine ${id} was started here: there are ${known}`)
    })
  }

  #takeBatchNumber(): BatchNumber {
    const batch = this.#nextBatch
    this.#nextBatch += 1
    return batch
  }

  #awaitBatch(batch: BatchNumber): Promise<void> {
    const waiter = deferred<void>()
    this.#batches.set(batch, waiter)
    return waiter.promise
  }

  /** What several events lead to is done as one. */
  #handle(...events: readonly LaunchEvent[]): void {
    for (const event of events) {
      if (event.type === 'tick') this.#noteWaitingJobs()
      for (const effect of this.#machine.handle(event, this.#clock.nowMs())) this.#perform(effect)
    }
    this.#engineJobs.flush()
    this.#alarm.set(this.#machine.wakeAtMs)
    for (const waiter of this.#goneWaiters) {
      if (waiter.launches.some(launch => this.#machine.isKept(launch))) continue
      this.#goneWaiters.delete(waiter)
      waiter.done()
    }
  }

  #noteWaitingJobs(): void {
    const waiting = waitingJobs([this.#controller?.job, ...this.#engineJobs.jobs])
    if (waiting.length > 0) this.#waitingJobs = waiting
  }

  #perform(effect: LaunchEffect): void {
    switch (effect.type) {
      case 'start_controller':
        this.#controller?.start()
        break
      case 'start_engine':
        this.#engineJobs.start(effect.launch, effect.inPlaceOf)
        break
      case 'signal_controller':
        this.#controller?.job?.signal(effect.signal)
        break
      case 'signal_engine':
        this.#engineJobs.signal(effect.launch, effect.signal)
        break
      case 'report_death':
        this.#hub.reportDeath({ id: effect.id, uuid: effect.uuid }, effect.cause)
        break
      case 'record':
        this.#files.programsChanged()
        break
      case 'tell':
        this.#tell(effect.news)
        break
      default:
        assertNever(effect, 'launch effect')
    }
  }

  #controllerReady(): void {
    void this.#openHub()
    this.#handle({ type: 'controller_ready' })
  }

  async #openHub(): Promise<void> {
    this.#hub.open()
    if (!this.#engineJobs.needsHub) return
    for (const engine of this.plan.controller === undefined ? await this.#hub.engines() : []) {
      this.#engineJobs.notice({ type: 'came', ...engine })
    }
    this.#hub.watch(notice => this.#engineJobs.notice(notice))
  }

  #engineEvents(events: readonly LaunchEvent[]): void {
    const ended = events.find(event => event.type === 'engine_ended' || event.type === 'job_ended')
    if (ended === undefined) this.#handle(...events)
    else void this.#checkController(ended.end).then(() => this.#handle(...events))
  }

  /** Engines that end because the controller of somebody else is gone are not to be replaced. */
  async #checkController(end: ProgramEnd): Promise<void> {
    if (this.plan.controller !== undefined || end.exitCode === 0 || !this.isRunning) return
    if (!(await this.#hub.listens())) this.#handle({ type: 'controller_lost' })
  }

  #tell(news: LaunchNews): void {
    switch (news.type) {
      case 'batch_up':
        this.#unrefJobs()
        this.#batches.get(news.batch)?.resolve()
        this.#batches.delete(news.batch)
        break
      case 'batch_failed':
        this.#batches.get(news.batch)?.reject(startError(news.failure, this.#programs))
        this.#batches.delete(news.batch)
        break
      case 'engine_died':
        this.#log.warn(
          `engine ${news.id ?? '?'} ${howItEnded(news.end)}${news.isReplaced ? '; another takes its place' : '; too many died before they had registered: it is not replaced'}`,
          { output: news.end.output },
        )
        break
      case 'ended':
        this.#alarm.close()
        this.#hub.close()
        this.#files.remove()
        this.#end.resolve(news.failure === undefined ? undefined : endError(news.failure, this.#programs))
        break
    }
    this.#onNews(news)
  }

  /** A program that starts a cluster may come to its end without stopping it: the cluster ends with it. */
  #unrefJobs(): void {
    this.#controller?.job?.unref()
    this.#engineJobs.unref()
  }

  get #programs(): LaunchPrograms {
    return {
      controller: this.plan.controller?.program,
      engine: launch => this.#engineJobs.programOf(launch),
      waitingJobs: this.#waitingJobs,
      controllerProblem: this.#hub.problem,
      startTimeoutMs: this.plan.startTimeoutMs,
    }
  }
}
