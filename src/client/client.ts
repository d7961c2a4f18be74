import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { DisconnectedError } from '../errors.ts'
import type { AsyncResult, WaitOptions } from './async-result.ts'
import { BroadcastView, type BroadcastViewOptions } from './broadcast-view.ts'
import type { ClientEvents } from './client-events.ts'
import { type ConnectOptions, connectDispatcher } from './connect.ts'
import { describeEngines } from './describe-engines.ts'
import { DirectView, type DirectViewOptions } from './direct-view.ts'
import type { Dispatcher, DispatcherEvent } from './dispatcher.ts'
import { askQueueStatus, type ControlType, controlEngines, recordsAt } from './engine-control.ts'
import {
  dbQuery,
  getResult,
  hubHistory,
  type Job,
  purgeResults,
  type ResultStatus,
  resubmit,
  resultStatus,
} from './hub-queries.ts'
import { type Jobs, listJobs, recordsOf } from './jobs.ts'
import { jointProgress } from './joint-progress.ts'
import { LoadBalancedView, type LoadBalancedViewOptions } from './load-balanced-view.ts'
import type { ProgressOptions } from './progress.ts'
import type { QueueStatus } from './queue-status.ts'
import { isLanguage, resolveTargets, sliceIds, type Target, type Targets } from './targets.ts'
import type { TaskQuery, TaskRecord } from './task-record.ts'
import { waitForEngines } from './wait-for-engines.ts'

export type {
  ClientEvents,
  DisplayEvent,
  EngineEvent,
  EngineLeftEvent,
  StreamEvent,
} from './client-events.ts'

/** What a client knows about an engine. */
export interface EngineFacts {
  readonly id: number
  readonly uuid: string
  /** What it runs: `javascript` or `python`. */
  readonly language: string
  /** Versions of its parts by their names, such as `node`; empty where it told none, as Python's engines do. */
  readonly versions: Readonly<Record<string, string>>
}

/** Which engines a control request is for; by default all. */
export interface TargetOptions {
  readonly targets?: Targets
}

/** What to shut down: the engines alone, or the controller with them. */
export interface ShutdownOptions extends TargetOptions {
  /** Also end the controller. */
  readonly hub?: boolean
  /** Ask the engines to start again. */
  readonly restart?: boolean
}

/**
 * A connection to a cluster. Keeps the process alive until it is closed, as open connections do in Node.
 *
 * @example
 * await using rc = await Client.connect({ profile: 'default' })
 * const view = rc.directView()
 * console.log(rc.ids, await view.apply(() => process.pid))
 */
export class Client extends EventEmitter<ClientEvents> implements AsyncDisposable {
  #dispatcher!: Dispatcher

  private constructor() {
    super()
  }

  /**
   * Connects to a running cluster.
   *
   * @throws ConnectionError when there is none, or it does not answer in time: what was tried, where, what to do.
   */
  static async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = new Client()
    client.#dispatcher = await connectDispatcher(options, event => client.#tell(event))
    return client
  }

  /** Ids of the live engines, ascending. */
  get ids(): number[] {
    return [...this.#dispatcher.roster.ids]
  }

  /** The live engines, in the order of their ids: what each runs, and in which versions, as far as it has told. */
  get engines(): EngineFacts[] {
    const { roster } = this.#dispatcher
    if (roster.ids.length === 0) return []
    return resolveTargets(roster, roster.ids).map(engine => ({
      ...engine,
      versions: roster.versionsOf(engine.uuid),
    }))
  }

  /** How many engines there are. */
  get length(): number {
    return this.#dispatcher.roster.ids.length
  }

  /** Ids of the requests that this client waits for, in the order in which it made them. */
  get outstanding(): string[] {
    return this.#dispatcher.outstanding().map(({ msgId }) => msgId)
  }

  /**
   * A view of several engines, or of one. `'all'` is live: it means the engines there are at each call, and so does
   * `{ language: 'python' }`: those of them that run it.
   *
   * @throws InvalidTargetError for an engine that is not there.
   * @example
   * await rc.directView([0, 2]).apply(() => process.pid)
   */
  directView(targets: number): DirectView<'one'>
  directView(targets?: Exclude<Targets, number>): DirectView<'many'>
  directView(targets?: Targets): DirectView<'one'> | DirectView<'many'>
  directView(targets: Targets = 'all'): DirectView<'one'> | DirectView<'many'> {
    return this.#directView({ targets: this.#fixed(targets) }) as DirectView<'many'>
  }

  /**
   * A view of one engine, by its id; a negative number counts from the last one. Its results are single values.
   *
   * @throws InvalidTargetError when it is not there.
   */
  at(index: number): DirectView<'one'> {
    const { ids } = this.#dispatcher.roster
    const id = Number.isInteger(index) && index < 0 ? ids.at(index) : index
    return this.directView(id ?? index)
  }

  /** A view of some of the engines there are now, chosen as a Python slice does. */
  slice(start?: number, end?: number, step?: number): DirectView<'many'> {
    return this.directView(sliceIds(this.#dispatcher.roster.ids, start, end, step))
  }

  /**
   * A view that runs each task on whichever of the engines is free.
   *
   * @throws InvalidTargetError for an engine that is not there, and UsageError for an option that makes no sense.
   * @example
   * const view = rc.loadBalancedView('all', { retries: 2 })
   */
  loadBalancedView(
    targets: Targets = 'all',
    options: Omit<LoadBalancedViewOptions, 'targets'> = {},
  ): LoadBalancedView {
    return new LoadBalancedView(this.#dispatcher, { ...options, targets: this.#fixed(targets) })
  }

  /**
   * As `directView`, but one message goes out however many engines there are: its payload is sent once.
   *
   * @throws InvalidTargetError for an engine that is not there.
   */
  broadcastView(targets: number, options?: Omit<BroadcastViewOptions, 'targets'>): BroadcastView<'one'>
  broadcastView(
    targets?: Exclude<Targets, number>,
    options?: Omit<BroadcastViewOptions, 'targets'>,
  ): BroadcastView<'many'>
  broadcastView(
    targets?: Targets,
    options?: Omit<BroadcastViewOptions, 'targets'>,
  ): BroadcastView<'one'> | BroadcastView<'many'>
  broadcastView(
    targets: Targets = 'all',
    options: Omit<BroadcastViewOptions, 'targets'> = {},
  ): BroadcastView<'one'> | BroadcastView<'many'> {
    const all = { ...options, targets: this.#fixed(targets) }
    return new BroadcastView(this.#dispatcher, all) as BroadcastView<'many'>
  }

  /**
   * Resolves when at least `n` engines are registered.
   *
   * @throws TimeoutError when they are not after `timeout` seconds (default: wait for ever).
   */
  async waitForEngines(n: number, options: WaitOptions = {}): Promise<void> {
    if (this.length < n) this.#throwIfGone()
    await waitForEngines(this, n, options.timeout, this.#dispatcher.clock)
  }

  /**
   * Waits until `jobs` (default: everything this client has asked for) have ended, well or not.
   *
   * @returns false when they have not after `timeout` seconds.
   */
  async wait(jobs?: Jobs, options: WaitOptions = {}): Promise<boolean> {
    const waits =
      jobs === undefined ? [this.#empty(options)] : this.#results(jobs).map(result => result.wait(options))
    return (await Promise.all(waits)).every(Boolean)
  }

  /**
   * Waits as `wait` does, and shows a progress bar of all of it on stderr; where that is no terminal, a line now and then.
   *
   * @param jobs - default: everything outstanding.
   * @returns false when `timeout` seconds passed before.
   */
  async waitInteractive(jobs?: Jobs, options: WaitOptions & ProgressOptions = {}): Promise<boolean> {
    const progress = jointProgress(this.#dispatcher, jobs, wait => this.wait(jobs, wait))
    const { showProgress } = await import('./progress.ts')
    return await showProgress(progress, 'requests', this.#dispatcher, options)
  }

  /**
   * Asks engines not to run what they have not started; those requests then fail with TaskAborted.
   *
   * @param jobs - default: everything outstanding.
   */
  async abort(jobs?: Jobs, options: TargetOptions = {}): Promise<void> {
    const { targets } = options
    const records = jobs === undefined ? this.#dispatcher.outstanding() : recordsOf(this.#dispatcher, jobs)
    await this.#dispatcher.abort(
      targets === undefined ? records : recordsAt(this.#dispatcher, records, targets),
    )
  }

  /** Empties the namespaces of engines. */
  async clear(options: TargetOptions = {}): Promise<void> {
    await this.#control('clear_request', {}, options)
  }

  /** Sends a signal to engine processes, even while they are busy: `'SIGINT'` interrupts what they run. */
  async sendSignal(signal: NodeJS.Signals | number, options: TargetOptions = {}): Promise<void> {
    await this.#control('signal_request', { sig: signal }, options)
  }

  /** Ends engines, and with `hub` the controller too. Resolves when they have said that they will. */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { targets = 'all', hub = false, restart = false } = options
    if (targets !== 'all' || this.length > 0)
      await this.#control('shutdown_request', { restart }, { targets })
    if (!hub) return
    await this.#dispatcher.ask('hub', 'shutdown_request', {}).catch(error => {
      // Its notice that it ends may overtake its reply: that is what it was asked for.
      if (!(error instanceof DisconnectedError)) throw error
    })
  }

  /** How much each engine has before it, and has done: counts by engine id, and how many tasks wait for an engine. */
  queueStatus(options?: TargetOptions & { readonly verbose?: false }): Promise<QueueStatus<number>>
  queueStatus(options: TargetOptions & { readonly verbose: true }): Promise<QueueStatus<readonly string[]>>
  async queueStatus(
    options: TargetOptions & { readonly verbose?: boolean } = {},
  ): Promise<QueueStatus<number | readonly string[]>> {
    const { targets = 'all', verbose = false } = options
    return askQueueStatus(this.#dispatcher, targets, verbose)
  }

  /**
   * The result of requests that anybody made, from the hub's records: of another client, or of this one before.
   *
   * @param jobs - ids or results; or places in this client's own history: `-1` (the default) is its last request.
   * @returns ready when all have ended; one value for a single id, an array for a list. Fails with UsageError when the
   * hub knows no such request, and with EngineError when a controller ended while it was under way.
   *
   * @example
   * const [last] = (await rc.hubHistory()).slice(-1)
   * console.log(await rc.getResult(last))
   */
  getResult(jobs?: string | number): AsyncResult<unknown, 'one'>
  getResult(jobs: readonly Job[]): AsyncResult<unknown[], 'many'>
  getResult(jobs: Job | readonly Job[]): AsyncResult<unknown>
  getResult(jobs: Job | readonly Job[] = -1): AsyncResult<unknown> {
    return getResult(this.#dispatcher, jobs)
  }

  /** How requests stand, whoever made them. @throws UsageError for one that the hub does not know. */
  async resultStatus(jobs: Job | readonly Job[]): Promise<ResultStatus> {
    return await resultStatus(this.#dispatcher, jobs)
  }

  /** Ids of all requests that the hub remembers, by the time at which they were submitted. */
  async hubHistory(): Promise<string[]> {
    return await hubHistory(this.#dispatcher)
  }

  /**
   * Looks for records of requests, whoever made them.
   *
   * @param query - fields and the values or conditions that they must have; `{}` for all.
   * @param keys - fields to give, besides `msgId`. Default: all but the buffers.
   * @throws UsageError for a query that the hub does not understand.
   *
   * @example
   * const slow = await rc.dbQuery({ completed: { $gt: new Date(Date.now() - 60_000) } }, ['started', 'stdout'])
   */
  dbQuery(query?: TaskQuery): Promise<Omit<TaskRecord, 'buffers' | 'resultBuffers'>[]>
  dbQuery<Key extends keyof TaskRecord>(
    query: TaskQuery,
    keys: readonly Key[],
  ): Promise<Pick<TaskRecord, Key | 'msgId'>[]>
  async dbQuery(query: TaskQuery = {}, keys?: readonly (keyof TaskRecord)[]): Promise<TaskRecord[]> {
    return await dbQuery(this.#dispatcher, query, keys)
  }

  /**
   * Has the hub forget requests that have ended, and what they gave.
   *
   * @param jobs - which; `'all'` for everything that has ended.
   * @param options - `targets`: all that ran on these engines.
   * @throws UsageError when one is still under way.
   */
  async purgeResults(jobs: Job | readonly Job[] | 'all' = [], options: TargetOptions = {}): Promise<void> {
    const { targets } = options
    const engines = targets === undefined ? [] : this.#resolve(targets).map(({ id }) => id)
    await purgeResults(this.#dispatcher, jobs, engines)
  }

  /**
   * Runs requests again, whoever made them and however they ended, as load-balanced tasks under new ids.
   *
   * @returns their new results; the parts are known when the hub has answered.
   */
  resubmit(jobs: string | number): AsyncResult<unknown, 'one'>
  resubmit(jobs: readonly Job[]): AsyncResult<unknown[], 'many'>
  resubmit(jobs: Job | readonly Job[]): AsyncResult<unknown>
  resubmit(jobs: Job | readonly Job[]): AsyncResult<unknown> {
    return resubmit(this.#dispatcher, jobs)
  }

  /** Leaves; the cluster goes on. What is outstanding fails with DisconnectedError. */
  async close(): Promise<void> {
    await this.#dispatcher.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  override toString(): string {
    const state = this.#dispatcher.goneError === undefined ? describeEngines(this.ids) : 'closed'
    return `<Client ${state}; ${this.#dispatcher.outstandingCount} outstanding>`
  }

  [inspect.custom](): string {
    return this.toString()
  }

  #directView(options: DirectViewOptions): DirectView<'one' | 'many'> {
    return new DirectView(this.#dispatcher, options)
  }

  /** Names are checked when a view is made, and again at each call: an engine may have gone since. */
  #fixed(targets: Targets): Targets {
    if (targets === 'all' || isLanguage(targets)) return targets
    const ids = this.#resolve(targets).map(({ id }) => id)
    return typeof targets === 'number' ? ids[0]! : ids
  }

  #resolve(targets: Targets): Target[] {
    return resolveTargets(this.#dispatcher.roster, targets)
  }

  async #control(type: ControlType, content: object, options: TargetOptions): Promise<void> {
    await controlEngines(this.#dispatcher, options.targets ?? 'all', type, content)
  }

  #results(jobs: Jobs): { wait(options: WaitOptions): Promise<boolean> }[] {
    return listJobs(jobs).map(job => (typeof job === 'string' ? this.#ownerOf(job) : job))
  }

  /** What this client does not wait for has ended already, or is another client's. */
  #ownerOf(msgId: string): { wait(options: WaitOptions): Promise<boolean> } {
    const owner = this.#dispatcher.find(msgId)?.owner as Partial<AsyncResult<unknown>> | undefined
    return { wait: options => owner?.wait?.(options) ?? Promise.resolve(true) }
  }

  #empty(options: WaitOptions): Promise<boolean> {
    return new Promise(resolve => {
      const cancel =
        options.timeout === undefined
          ? undefined
          : this.#dispatcher.clock.after(options.timeout * 1000, () => resolve(false))
      this.#dispatcher.whenEmpty(() => {
        cancel?.()
        resolve(true)
      })
    })
  }

  #throwIfGone(): void {
    if (this.#dispatcher.goneError !== undefined) throw this.#dispatcher.goneError
  }

  #tell(event: DispatcherEvent): void {
    switch (event.type) {
      case 'engine_joined':
        this.emit('engine:registered', { id: event.id, uuid: event.uuid })
        return
      case 'engine_left':
        this.emit('engine:unregistered', { id: event.id, uuid: event.uuid, cause: event.cause })
        return
      case 'gone':
        this.emit('close', event.error)
        return
      case 'output':
        this.#tellOutput(event)
    }
  }

  #tellOutput({ output, msgId, engineUuid }: DispatcherEvent & { readonly type: 'output' }): void {
    const engineId = this.#dispatcher.roster.idOf(engineUuid)
    if (output.type === 'stream') this.emit(output.name, { text: output.text, msgId, engineId })
    else if (output.type === 'display_data' || output.type === 'execute_result')
      this.emit('display', { data: output.data, msgId, engineId })
  }
}
