/** `Cluster`: starting, finding, growing and ending a cluster from a program. */

import process from 'node:process'
import type { Client } from '../client/client.ts'
import { connectionFilePaths } from '../config/connection-files.ts'
import { profileDirectories, profileName, resolvePlace, securityDirectory } from '../config/profile.ts'
import { NotRunningError, type ParallelError, UsageError } from '../errors.ts'
import { Adaptation, type AdaptationOptions } from './adaptation.ts'
import {
  type ClusterOptions,
  type ClusterPlace,
  clusterPlan,
  configured,
  enginePlan,
  freshClusterId,
  planScripts,
} from './cluster-options.ts'
import { startDaemon } from './daemon.ts'
import { daemonArguments } from './daemon-arguments.ts'
import { checkEngineCount } from './engine-sets.ts'
import { Keeper } from './keeper.ts'
import { type ScalableCluster, scaleTo } from './scale.ts'
import { askStatus } from './status.ts'
import { stopCluster } from './stop-cluster.ts'
import { type ClusterSummary, surveyClusters } from './survey.ts'

/** How long the hub may take to say what its engines do. */
const STATUS_MS = 5000

/** What `restartEngines` and `signalEngines` may be narrowed to. */
export interface EngineChoice {
  /** Ids of the engines. Default: all. */
  readonly targets?: readonly number[] | undefined
}

/**
 * A controller and its engines. Made by `Cluster.start` and `Cluster.attach`.
 *
 * @example
 * ```ts
 * await using cluster = await Cluster.start({ n: 4 })
 * await using rc = await cluster.connect()
 * console.log(await rc.directView().apply(() => process.pid))
 * ```
 */
export class Cluster implements AsyncDisposable {
  /** Folder of the profile that it belongs to. */
  readonly profileDir: string
  /** Tells it from other clusters of the profile; may be empty. */
  readonly clusterId: string
  /** Keeps the cluster that this program started, or the engines that it added to another's. */
  #keeper: Keeper | undefined
  /** True when the cluster is ours and ends with this program. */
  readonly #isOwned: boolean
  #failure: ParallelError | undefined
  #isStopped = false
  #scaling: Promise<void> = Promise.resolve()
  #adaptation: Adaptation | undefined

  private constructor(place: { profileDir: string; clusterId: string }, owner: Keeper | undefined) {
    this.profileDir = place.profileDir
    this.clusterId = place.clusterId
    this.#keeper = owner
    this.#isOwned = owner !== undefined
    owner?.ended.then(failure => {
      this.#failure = failure
      // Nobody may be waiting on anything right now, and everything that follows will fail for this reason.
      if (failure !== undefined)
        process.emitWarning(failure.message, { type: 'ClusterWarning', code: failure.code })
    })
  }

  /**
   * Starts a controller and engines, and waits until all of them are up. The cluster ends with this program, however
   * that ends, unless `detached` is set.
   *
   * @returns the running cluster.
   * @throws UsageError, ConfigurationError when an option cannot be used or the cluster runs already; SubmitError
   * (command, exit code, last output) when a program failed or time was up; the reason of `signal`. Nothing is left
   * running then.
   */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const asked = await configured(options)
    // A fresh id lets clusters of many programs live side by side in one profile.
    const chosen = {
      ...asked,
      clusterId: asked.clusterId ?? freshClusterId(),
      // What ends with this program need not be remembered longer; another host keeps nothing unasked.
      records: asked.records ?? (asked.detached === true && asked.controller !== 'ssh' ? 'sql' : 'memory'),
    }
    const plan = clusterPlan(chosen)
    if (chosen.detached === true) {
      await startDaemon('start', plan, daemonArguments(chosen, plan.n), chosen)
      return new Cluster(plan, undefined)
    }
    const keeper = new Keeper(plan, { log: chosen.log })
    await keeper.start(chosen.signal)
    return new Cluster(plan, keeper)
  }

  /**
   * What `Cluster.start` with these options would submit or run: the job scripts of a batch system, or command lines.
   * Nothing is started.
   *
   * @throws ConfigurationError for a setting that cannot be used.
   */
  static async jobScript(options: ClusterOptions = {}): Promise<string> {
    return planScripts(clusterPlan(await configured(options))).join('\n')
  }

  /**
   * Finds a cluster that somebody else started, with `ipcluster start`, in another program, or from Python.
   *
   * @throws NotRunningError when there is none.
   */
  static async attach(place: ClusterPlace = {}): Promise<Cluster> {
    const where = resolvePlace(place)
    const found = surveyClusters([where.profileDir]).find(summary => summary.clusterId === where.clusterId)
    if (found === undefined || found.state === 'stopped') {
      const id = where.clusterId === '' ? '' : ` with cluster id ${where.clusterId}`
      throw new NotRunningError(
        `no cluster is running on profile ${profileName(where.profileDir)}${id}: start one with \`ipcluster start\`, or see \`ipcluster list\``,
      )
    }
    return new Cluster(where, undefined)
  }

  /** Every cluster that has left its files in a profile of this user, running or not. */
  static list(): ClusterSummary[] {
    return surveyClusters(profileDirectories())
  }

  /** What was submitted or run to start this cluster. Empty for one that somebody else started. */
  jobScript(): string {
    return this.#keeper === undefined ? '' : planScripts(this.#keeper.plan).join('\n')
  }

  /** The file through which clients find the controller. */
  get connectionFile(): string {
    return connectionFilePaths(securityDirectory(this.profileDir), this.clusterId).client
  }

  /**
   * Resolves when a cluster that this program started has ended: with the reason where nobody asked for it. Never
   * resolves for an attached one.
   */
  get ended(): Promise<ParallelError | undefined> {
    return this.#isOwned && this.#keeper !== undefined ? this.#keeper.ended : new Promise(() => {})
  }

  /** Process numbers of what this program started: engines by their id. */
  get processes(): {
    readonly controller: number | undefined
    readonly engines: ReadonlyMap<number, number>
  } {
    const engines = this.#keeper?.engines ?? []
    return {
      controller: this.#keeper?.controllerPid,
      engines: new Map(engines.map(engine => [engine.id, engine.pid])),
    }
  }

  /**
   * A client of this cluster. It is independent of the cluster object: close it when you are done.
   *
   * @throws NotRunningError when the cluster has ended; ConnectionError when the controller does not answer.
   */
  async connect(options: { readonly timeout?: number } = {}): Promise<Client> {
    this.#checkRunning()
    const { Client } = await import('../client/client.ts')
    return Client.connect({ connectionFile: this.connectionFile, ...options })
  }

  /**
   * Starts further engines. They end with this program, also when the cluster itself does not.
   *
   * @returns their ids, when all are up.
   * @throws UsageError when `n` is no number of engines; SubmitError when one failed: then none of them runs.
   */
  async addEngines(n: number): Promise<number[]> {
    this.#checkRunning()
    checkEngineCount(n)
    if (this.#keeper?.isRunning === true) return (await this.#keeper.addEngines(n)).map(engine => engine.id)
    this.#keeper = new Keeper(enginePlan({ ...this.#place, n }))
    await this.#keeper.start()
    return this.#keeper.engines.map(engine => engine.id)
  }

  /**
   * Ends engines for good; others go on.
   *
   * @throws InvalidTargetError when one of them is not there.
   */
  async stopEngines(ids: readonly number[]): Promise<void> {
    this.#checkRunning()
    const { ours, others } = this.#split(ids)
    await Promise.all([
      ours.length === 0 ? undefined : this.#keeper?.stopEngines(ours),
      others.length === 0 ? undefined : this.#withClient(client => client.shutdown({ targets: others })),
    ])
  }

  /**
   * Makes the cluster have `n` engines: adds what is missing, or ends what is too much, those with the least to do
   * first. Tasks of a load-balanced view that an engine leaves unfinished run again elsewhere.
   *
   * @returns when there are so many.
   * @throws UsageError when `n` is no number of engines, or the engines are the ranks of one MPI program; SubmitError
   * when an engine could not be started.
   */
  async scale(n: number): Promise<void> {
    this.#checkRunning()
    if (n !== 0) checkEngineCount(n)
    this.#checkScalable()
    // One after the other: each counts what there is.
    const scaled = this.#scaling.then(() => scaleTo(this.#scalable, n))
    this.#scaling = scaled.catch(() => {})
    await scaled
  }

  /**
   * Has the number of engines follow the work: engines are added while load-balanced tasks wait for one, and ended when
   * they have had nothing to do for a while. It goes on until `stop` of what is returned, or of the cluster.
   *
   * @throws UsageError when the bounds make no sense, or the engines are the ranks of one MPI program.
   *
   * @example
   * ```ts
   * using adaptation = cluster.adapt({ min: 1, max: 16 })
   * ```
   */
  adapt(options: AdaptationOptions): Adaptation {
    this.#checkRunning()
    this.#checkScalable()
    this.#adaptation?.stop()
    this.#adaptation = new Adaptation(this.#scalable, options)
    return this.#adaptation
  }

  /**
   * Ends engines and starts as many new ones, with fresh namespaces and new ids; ranks of an MPI program all together, with
   * their old ids. Engines that somebody else started are started again by whoever keeps them.
   *
   * @returns when those of this program are up again.
   */
  async restartEngines(choice: EngineChoice = {}): Promise<void> {
    this.#checkRunning()
    const ids = choice.targets ?? (await this.#withClient(async client => [...client.ids]))
    const { ours, others } = this.#split(ids)
    if (others.length > 0) {
      await this.#withClient(client => client.shutdown({ targets: others, restart: true }))
    }
    if (ours.length > 0) await this.#keeper?.restartEngines(ours)
  }

  /**
   * Sends a signal to engines: `SIGINT` interrupts what they run and keeps their namespaces. Those that this program has
   * started in jobs of a batch system get others from that system, and so also when they do not answer.
   *
   * @throws InvalidTargetError when one of them is not there; LauncherError when the batch system refuses.
   */
  async signalEngines(signal: NodeJS.Signals, choice: EngineChoice = {}): Promise<void> {
    this.#checkRunning()
    await this.#withClient(async client => {
      const targets = [...(choice.targets ?? client.ids)]
      const areThere = targets.every(id => client.ids.includes(id))
      // An interrupt and the wish to end are for the engine, which knows what it runs and says goodbye.
      const isForEngine = signal === 'SIGINT' || signal === 'SIGTERM' || !areThere
      const sent = targets.map(id => (isForEngine ? undefined : this.#keeper?.signalBySystem(id, signal)))
      const others = targets.filter((_, i) => sent[i] === undefined)
      const rest =
        sent.length > 0 && others.length === 0 ? undefined : client.sendSignal(signal, { targets: others })
      await Promise.all([...sent, rest])
    })
  }

  /**
   * Ends the cluster: politely first, by force where it must. Resolves when no process and no file of it is left.
   * Does nothing the second time.
   *
   * @throws NotRunningError when an attached cluster is gone already.
   */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#adaptation?.stop()
    await this.#keeper?.stop()
    if (!this.#isOwned) await stopCluster(this.profileDir, this.clusterId)
  }

  /** `await using`: ends what this program started. A cluster that was only attached to, or is detached, goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOwned) await this.stop()
    else await this.#keeper?.stop()
  }

  get #place(): ClusterPlace {
    return { profileDir: this.profileDir, clusterId: this.clusterId }
  }

  #checkRunning(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isStopped)
      throw new NotRunningError('the cluster was stopped: start another with Cluster.start()')
  }

  get #scalable(): ScalableCluster {
    return {
      askStatus: () => askStatus(this.profileDir, this.clusterId, STATUS_MS),
      addEngines: n => this.addEngines(n),
      stopEngines: ids => this.stopEngines(ids),
    }
  }

  #checkScalable(): void {
    const sets = this.#keeper?.plan.engines.sets ?? []
    if (!sets.some(({ launcher }) => launcher.kind === 'group' && launcher.areRanks)) return
    throw new UsageError(
      'the engines are the ranks of one MPI program, which has as many as it was started with: start a cluster with another n',
    )
  }

  #split(ids: readonly number[]): { ours: number[]; others: number[] } {
    const kept = new Set(this.#keeper?.engines.map(engine => engine.id))
    return { ours: ids.filter(id => kept.has(id)), others: ids.filter(id => !kept.has(id)) }
  }

  async #withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.connect()
    try {
      return await use(client)
    } finally {
      await client.close()
    }
  }
}
