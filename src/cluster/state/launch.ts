/**
 * Decides what of a cluster is started, replaced and ended, and when a start has succeeded or failed. Knows no process,
 * file or clock: programs are numbers here, and how they are started is the launchers' matter.
 *
 * ```
 *            start_requested          all of batch 0 registered
 *   before ───────────────► starting ─────────────────────────► running
 *                              │ a program ended, time is up,       │ stop_requested, the controller ended
 *                              │ stop_requested                     │ (engines only: the last engine ended)
 *                              └─────────► stopping ◄───────────────┘
 *                                             │ everything is gone
 *                                             ▼
 *                                          stopped
 * ```
 *
 * Engines are started in batches: the first with the cluster, one more for each `engines_requested`. A batch succeeds
 * as a whole or fails as a whole.
 *
 * Invariants:
 * 1. A start has failed only when nothing of it runs any more: `ended` and `batch_failed` come after the last end.
 * 2. Every program that was asked to end is killed `graceMs` later, and given up `killMs` after that.
 * 3. An engine that ends unasked is reported and replaced; one that was asked to, by us or by a client, is not.
 * 4. Engines that end before they register are replaced only `earlyDeathsMax` times within `earlyDeathWindowMs`; those
 *    of a job that ends as a whole count once.
 * 5. Nothing is started once stopping has begun.
 */

import type { Millis } from '../../base/clock.ts'
import { deathCause } from './death-cause.ts'
import { EarlyDeaths } from './early-deaths.ts'
import { Ending } from './ending.ts'
import type {
  BatchNumber,
  LaunchEffect,
  LaunchEvent,
  LaunchFailure,
  LaunchNews,
  LaunchNumber,
  ProgramEnd,
} from './launch-events.ts'

export interface LaunchOptions {
  /** False for a keeper of engines that join a controller which somebody else keeps. */
  readonly hasController: boolean
  /** How long a batch may take to register. */
  readonly startTimeoutMs: Millis
  readonly graceMs: Millis
  readonly killMs: Millis
  readonly earlyDeathsMax: number
  readonly earlyDeathWindowMs: Millis
}

const DEFAULT_LAUNCH_OPTIONS: LaunchOptions = {
  hasController: true,
  startTimeoutMs: 60_000,
  graceMs: 2_000,
  killMs: 3_000,
  earlyDeathsMax: 3,
  earlyDeathWindowMs: 60_000,
}

/** The only batch that has no number of its caller's choosing: the one that starts with the cluster. */
export const FIRST_BATCH: BatchNumber = 0

type Phase = 'before' | 'starting' | 'running' | 'stopping' | 'stopped'

interface Engine {
  readonly launch: LaunchNumber
  /** Undefined for a replacement, which belongs to no batch. */
  readonly batch: BatchNumber | undefined
  registration: { readonly id: number; readonly uuid: string } | undefined
  /** It said itself that it is leaving, because a client asked it to. */
  leaving: { readonly restart: boolean } | undefined
  ending: Ending | undefined
}

interface Batch {
  readonly number: BatchNumber
  readonly wanted: number
  readonly deadlineMs: Millis
  failure: LaunchFailure | undefined
}

interface Controller {
  ready: boolean
  ending: Ending | undefined
}

/** See the head of this file. */
export class Launch {
  readonly #options: LaunchOptions
  #phase: Phase = 'before'
  #controller: Controller | undefined
  readonly #engines = new Map<LaunchNumber, Engine>()
  /** Batches that have neither succeeded nor failed. */
  readonly #batches = new Map<BatchNumber, Batch>()
  #failure: LaunchFailure | undefined
  #nextLaunch: LaunchNumber = 0
  /** Invariant 4. */
  readonly #earlyDeaths: EarlyDeaths

  constructor(options: Partial<LaunchOptions> = {}) {
    this.#options = { ...DEFAULT_LAUNCH_OPTIONS, ...options }
    const { earlyDeathsMax, earlyDeathWindowMs } = this.#options
    this.#earlyDeaths = new EarlyDeaths(earlyDeathsMax, earlyDeathWindowMs)
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Engines that run and are registered, in the order of their numbers. */
  get registered(): readonly { readonly launch: LaunchNumber; readonly id: number; readonly uuid: string }[] {
    const found = []
    for (const { launch, registration } of this.#engines.values()) {
      if (registration !== undefined) found.push({ launch, ...registration })
    }
    return found.sort((a, b) => a.id - b.id)
  }

  /** Whether a program with this number is still waited for. */
  isKept(launch: LaunchNumber): boolean {
    return this.#engines.has(launch)
  }

  /** When the shell must next deliver a `tick`; Infinity when nothing is pending. */
  get wakeAtMs(): Millis {
    let atMs = Number.POSITIVE_INFINITY
    for (const batch of this.#batches.values()) {
      if (batch.failure === undefined) atMs = Math.min(atMs, batch.deadlineMs)
    }
    for (const { ending } of this.#programs()) {
      if (ending !== undefined) atMs = Math.min(atMs, ending.wakeAtMs)
    }
    return atMs
  }

  /** The only way to change this machine. Returns what the shell must now do, in order. */
  handle(event: LaunchEvent, nowMs: Millis): LaunchEffect[] {
    switch (event.type) {
      case 'start_requested':
        return this.#start(event.engines, nowMs)
      case 'engines_requested':
        return this.#startBatch(event.batch, event.engines, nowMs)
      case 'controller_ready':
        if (this.#controller !== undefined) this.#controller.ready = true
        return this.#settle()
      case 'controller_ended':
        return this.#controllerEnded(event.end, nowMs)
      case 'controller_lost':
        return this.#stop({ type: 'controller_gone' }, nowMs)
      case 'engine_registered':
        return this.#engineRegistered(event.launch, event.id, event.uuid)
      case 'engine_leaving':
        return this.#engineLeaving(event.launch, event.restart)
      case 'engine_ended':
        return this.#engineEnded(event.launch, event.end, nowMs)
      case 'job_ended':
        return this.#jobEnded(event.launches, event.end, nowMs)
      case 'engines_unwanted':
        return event.launches.flatMap(launch => this.#endEngine(launch, nowMs))
      case 'stop_requested':
        return this.#stop(undefined, nowMs)
      case 'force_requested':
        return this.#force(nowMs)
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #start(engines: number, nowMs: Millis): LaunchEffect[] {
    if (this.#phase !== 'before') return []
    this.#phase = 'starting'
    const effects: LaunchEffect[] = []
    if (this.#options.hasController) {
      this.#controller = { ready: false, ending: undefined }
      effects.push({ type: 'start_controller' })
    }
    // The engines start at once with the controller and wait for its file: that is most of a fast start.
    effects.push(...this.#startBatch(FIRST_BATCH, engines, nowMs))
    return effects
  }

  #startBatch(number: BatchNumber, engines: number, nowMs: Millis): LaunchEffect[] {
    if (this.#phase !== 'starting' && this.#phase !== 'running') {
      return [tell({ type: 'batch_failed', batch: number, failure: this.#failure ?? { type: 'stopped' } })]
    }
    const deadlineMs = nowMs + this.#options.startTimeoutMs
    this.#batches.set(number, { number, wanted: engines, deadlineMs, failure: undefined })
    const effects: LaunchEffect[] = []
    for (let i = 0; i < engines; i++) effects.push(this.#startEngine(number))
    effects.push({ type: 'record' }, ...this.#settle())
    return effects
  }

  #startEngine(batch: BatchNumber | undefined, inPlaceOf?: LaunchNumber): LaunchEffect {
    const launch = this.#nextLaunch
    this.#nextLaunch += 1
    this.#engines.set(launch, {
      launch,
      batch,
      registration: undefined,
      leaving: undefined,
      ending: undefined,
    })
    return inPlaceOf === undefined
      ? { type: 'start_engine', launch }
      : { type: 'start_engine', launch, inPlaceOf }
  }

  #engineRegistered(launch: LaunchNumber, id: number, uuid: string): LaunchEffect[] {
    const engine = this.#engines.get(launch)
    // An engine that lost its controller and found it again registers anew, under another number.
    if (engine !== undefined) engine.registration = { id, uuid }
    return this.#settle()
  }

  #engineLeaving(launch: LaunchNumber, restart: boolean): LaunchEffect[] {
    const engine = this.#engines.get(launch)
    if (engine !== undefined) engine.leaving = { restart }
    return []
  }

  /** Invariant 4 counts a job once, and takes it for up when one of its engines was: all of it is replaced, or nothing. */
  #jobEnded(launches: readonly LaunchNumber[], end: ProgramEnd, nowMs: Millis): LaunchEffect[] {
    const wasUp = launches.some(launch => this.#engines.get(launch)?.registration !== undefined)
    let isEarlyDeathAllowed: boolean | undefined
    const mayReplace = (): boolean => {
      isEarlyDeathAllowed ??= wasUp || this.#earlyDeaths.count(nowMs)
      return isEarlyDeathAllowed
    }
    return launches.flatMap(launch => this.#engineEnded(launch, end, nowMs, mayReplace))
  }

  #engineEnded(
    launch: LaunchNumber,
    end: ProgramEnd,
    nowMs: Millis,
    mayReplace = (isUp: boolean) => isUp || this.#earlyDeaths.count(nowMs),
  ): LaunchEffect[] {
    const engine = this.#engines.get(launch)
    if (engine === undefined) return []
    this.#engines.delete(launch)
    const effects: LaunchEffect[] = [{ type: 'record' }]
    // `ipengine` exits with 0 only when it was asked to leave, by a client or by its controller.
    const isAsked =
      engine.ending !== undefined ||
      engine.leaving !== undefined ||
      (engine.registration !== undefined && end.exitCode === 0)
    // Even an engine that was asked to end may have been unable to say goodbye.
    if (engine.registration !== undefined && this.#mayStart) {
      effects.push(reportDeath(engine.registration, end, isAsked))
    }
    if (isAsked) {
      if (engine.leaving?.restart === true && this.#mayStart)
        effects.push(this.#startEngine(undefined, launch))
    } else if (this.#mayStart) {
      effects.push(...this.#engineDied(engine, end, nowMs, mayReplace))
    }
    effects.push(...this.#endWithoutEngines(end, engine, isAsked), ...this.#settle())
    return effects
  }

  /** Invariants 3 and 4. */
  #engineDied(
    engine: Engine,
    end: ProgramEnd,
    nowMs: Millis,
    mayReplace: (isUp: boolean) => boolean,
  ): LaunchEffect[] {
    const { launch } = engine
    const batch = engine.batch === undefined ? undefined : this.#batches.get(engine.batch)
    if (engine.registration === undefined && batch !== undefined) {
      return this.#failBatch(batch, { type: 'engine_ended', launch, end }, nowMs)
    }
    const isReplaced = mayReplace(engine.registration !== undefined)
    const effects: LaunchEffect[] = [
      tell({ type: 'engine_died', launch, id: engine.registration?.id, end, isReplaced }),
    ]
    // A registered engine of a batch that is still coming up is replaced within the batch, so that it comes up.
    if (isReplaced) effects.push(this.#startEngine(batch?.number, launch), { type: 'record' })
    return effects
  }

  /** A keeper of engines alone has nothing to keep when the last is gone: as a rule because their controller is. */
  #endWithoutEngines(end: ProgramEnd, last: Engine, isAsked: boolean): LaunchEffect[] {
    if (this.#options.hasController || this.#engines.size > 0 || this.#batches.size > 0) return []
    if (this.#phase !== 'running') return []
    this.#phase = 'stopping'
    if (!isAsked) this.#failure = { type: 'engine_ended', launch: last.launch, end }
    return []
  }

  #controllerEnded(end: ProgramEnd, nowMs: Millis): LaunchEffect[] {
    const controller = this.#controller
    if (controller === undefined) return []
    this.#controller = undefined
    const effects: LaunchEffect[] = [{ type: 'record' }]
    if (controller.ending !== undefined) return [...effects, ...this.#settle()]
    // A controller that was up exits with 0 when a client shut it down: an end that somebody asked for.
    const isAsked = controller.ready && end.exitCode === 0
    const failure: LaunchFailure = { type: 'controller_ended', end, wasReady: controller.ready }
    effects.push(...this.#stop(isAsked ? undefined : failure, nowMs), ...this.#settle())
    return effects
  }

  #failBatch(batch: Batch, failure: LaunchFailure, nowMs: Millis): LaunchEffect[] {
    if (batch.failure !== undefined) return []
    batch.failure = failure
    if (batch.number === FIRST_BATCH) return this.#stop(failure, nowMs)
    return this.#ofBatch(batch.number).flatMap(engine => this.#endEngine(engine.launch, nowMs))
  }

  #stop(failure: LaunchFailure | undefined, nowMs: Millis): LaunchEffect[] {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return []
    this.#phase = 'stopping'
    this.#failure = failure
    for (const batch of this.#batches.values()) batch.failure ??= failure ?? { type: 'stopped' }
    const effects: LaunchEffect[] = []
    for (const engine of [...this.#engines.values()]) effects.push(...this.#endEngine(engine.launch, nowMs))
    if (this.#controller !== undefined) {
      this.#controller.ending = this.#newEnding(nowMs)
      effects.push({ type: 'signal_controller', signal: 'SIGTERM' })
    }
    effects.push(...this.#settle())
    return effects
  }

  #endEngine(launch: LaunchNumber, nowMs: Millis): LaunchEffect[] {
    const engine = this.#engines.get(launch)
    if (engine === undefined || engine.ending !== undefined) return []
    engine.ending = this.#newEnding(nowMs)
    return [{ type: 'signal_engine', launch, signal: 'SIGTERM' }]
  }

  /** Invariant 2. */
  #newEnding(nowMs: Millis): Ending {
    return new Ending(nowMs, this.#options.graceMs, this.#options.killMs)
  }

  #force(nowMs: Millis): LaunchEffect[] {
    const effects = this.#stop(undefined, nowMs)
    for (const { ending } of this.#programs()) ending?.hurry(nowMs)
    return [...effects, ...this.#tick(nowMs)]
  }

  #tick(nowMs: Millis): LaunchEffect[] {
    const effects: LaunchEffect[] = []
    for (const batch of this.#batches.values()) {
      if (batch.failure === undefined && nowMs >= batch.deadlineMs) {
        effects.push(...this.#failBatch(batch, this.#timedOut(batch), nowMs))
      }
    }
    for (const engine of this.#engines.values()) {
      const { launch } = engine
      const next = engine.ending?.press(nowMs)
      if (next === 'kill') effects.push({ type: 'signal_engine', launch, signal: 'SIGKILL' })
      if (next === 'give up') this.#engines.delete(launch)
    }
    const controller = this.#controller
    const next = controller?.ending?.press(nowMs)
    if (next === 'kill') effects.push({ type: 'signal_controller', signal: 'SIGKILL' })
    if (next === 'give up') this.#controller = undefined
    effects.push(...this.#settle())
    return effects
  }

  #timedOut(batch: Batch): LaunchFailure {
    const registered = this.#ofBatch(batch.number).filter(engine => engine.registration !== undefined).length
    const controllerReady = !this.#options.hasController || this.#controller?.ready === true
    return { type: 'timed_out', controllerReady, registered, wanted: batch.wanted }
  }

  /** Tells what has come to its conclusion. Invariant 1 is kept here. */
  #settle(): LaunchEffect[] {
    const effects: LaunchEffect[] = []
    for (const batch of this.#batches.values()) {
      const engines = this.#ofBatch(batch.number)
      if (batch.failure !== undefined) {
        if (engines.length > 0) continue
        if (batch.number === FIRST_BATCH && this.#controller !== undefined) continue
        this.#batches.delete(batch.number)
        effects.push(tell({ type: 'batch_failed', batch: batch.number, failure: batch.failure }))
      } else if (this.#isUp(batch, engines)) {
        this.#batches.delete(batch.number)
        if (batch.number === FIRST_BATCH) this.#phase = 'running'
        effects.push(tell({ type: 'batch_up', batch: batch.number }))
      }
    }
    if (this.#phase === 'stopping' && this.#controller === undefined && this.#engines.size === 0) {
      this.#phase = 'stopped'
      effects.push(tell({ type: 'ended', failure: this.#failure }))
    }
    return effects
  }

  #isUp(batch: Batch, engines: readonly Engine[]): boolean {
    if (batch.number === FIRST_BATCH && this.#options.hasController && this.#controller?.ready !== true) {
      return false
    }
    return engines.length >= batch.wanted && engines.every(engine => engine.registration !== undefined)
  }

  /** Invariant 5. */
  get #mayStart(): boolean {
    return this.#phase === 'starting' || this.#phase === 'running'
  }

  #ofBatch(number: BatchNumber): Engine[] {
    return [...this.#engines.values()].filter(engine => engine.batch === number)
  }

  #programs(): (Engine | Controller)[] {
    const engines: (Engine | Controller)[] = [...this.#engines.values()]
    return this.#controller === undefined ? engines : [...engines, this.#controller]
  }
}

function tell(news: LaunchNews): LaunchEffect {
  return { type: 'tell', news }
}

function reportDeath(
  registration: { readonly id: number; readonly uuid: string },
  end: ProgramEnd,
  isAsked: boolean,
): LaunchEffect {
  return {
    type: 'report_death',
    id: registration.id,
    uuid: registration.uuid,
    cause: deathCause(end, isAsked),
  }
}
