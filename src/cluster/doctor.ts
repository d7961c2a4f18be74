/**
 * Tries a profile out, stage by stage: what its files say, whether the commands are there, whether a job is taken, one
 * engine runs, it reaches the controller, a task comes back, and all of it ends. The first stage that fails says what to
 * mend.
 */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { readConfiguration } from '../config/config-file.ts'
import { connectionFilePaths } from '../config/connection-files.ts'
import { resolvePlace, securityDirectory } from '../config/profile.ts'
import { CONFIGURED_PROGRAMS } from '../config/settings.ts'
import { type ClusterOptions, clusterPlan, configured, freshClusterId } from './cluster-options.ts'
import type { PlannedSet } from './engine-jobs.ts'
import { Keeper } from './keeper.ts'
import type { KeeperPlan } from './keeper-plan.ts'
import type { GroupHandlers, GroupJob, Job, JobHandlers, Launcher, Program } from './launcher.ts'
import type { LaunchFailure } from './state/launch-events.ts'

type Stage = 'configuration' | 'command' | 'controller' | 'submit' | 'engine' | 'connection' | 'task' | 'stop'

/** How a stage went. */
export interface StageReport {
  readonly stage: Stage
  readonly ok: boolean
  /** What was found, or what to mend. */
  readonly detail: string
}

/** A plan for one engine. */
interface TrialPlan extends KeeperPlan {
  readonly controller: NonNullable<KeeperPlan['controller']>
  readonly engines: { readonly sets: readonly [PlannedSet] }
}

/**
 * Examines a profile. Ends with the first stage that fails; nothing is left running.
 *
 * @param options - as for `Cluster.start`; one engine is started, whatever they say. `signal` ends it at once.
 */
export async function* examine(options: ClusterOptions): AsyncGenerator<StageReport> {
  let plan: TrialPlan
  try {
    plan = await trialPlan(options)
  } catch (error) {
    yield failed('configuration', error)
    return
  }
  const launchers = [plan.controller.launcher, plan.engines.sets[0].launcher]
  const [controller, engines] = launchers.map(({ name }) => name)
  yield passed('configuration', `${plan.profileDir}: controller by ${controller}, engines by ${engines}`)

  const commands = [
    ...new Set(launchers.flatMap(launcher => (launcher.kind === 'group' ? launcher.commands : []))),
  ]
  const missing = commands.filter(command => !isThere(command))
  if (missing.length > 0) {
    const detail = `${missing.join(', ')}: not on this machine. Put the folder on PATH, or choose another launcher`
    yield { stage: 'command', ok: false, detail }
    return
  }
  yield passed('command', commands.join(', ') || process.execPath)
  yield* startAndStop(plan, options.signal)
}

/** One engine of the first kind, in a cluster that no other has. */
async function trialPlan(options: ClusterOptions): Promise<TrialPlan> {
  const { profileDir } = resolvePlace(options)
  // The programs read theirs by themselves: here what is wrong in them is told first.
  for (const program of CONFIGURED_PROGRAMS) await readConfiguration(profileDir, program)
  const plan = clusterPlan({ ...(await configured(options)), clusterId: freshClusterId(), records: 'none' })
  return {
    ...plan,
    n: 1,
    controller: plan.controller!,
    engines: { sets: [{ ...plan.engines.sets[0]!, n: 1 }] },
  }
}

async function* startAndStop(plan: TrialPlan, signal: AbortSignal | undefined): AsyncGenerator<StageReport> {
  const probe = new Probe()
  let failure: LaunchFailure | undefined
  const keeper = new Keeper(probe.watching(plan), {
    onNews: news => {
      if (news.type === 'batch_failed') failure = news.failure
    },
  })
  try {
    await keeper.start(signal)
  } catch (error) {
    const hasRun = failure?.type === 'timed_out' && keeper.waitingJobs.length === 0
    if (isOfController(failure)) yield failed('controller', error)
    else yield* probe.stagesOfStart(error, hasRun)
    return
  }
  yield* probe.stagesOfStart(undefined, true)
  let task: StageReport
  try {
    task = passed('task', await Promise.race([runTask(plan), givenUp(signal)]))
  } catch (error) {
    task = failed('task', error)
  }
  yield task
  const isStopped = await keeper.stop().then(
    () => passed('stop', 'nothing runs any more'),
    (error: unknown) => failed('stop', error),
  )
  if (task.ok) yield isStopped
}

/** Rejects when the examination is given up. */
function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = (): void => reject(signal?.reason)
    if (signal?.aborted === true) giveUp()
    else signal?.addEventListener('abort', giveUp, { once: true })
  })
}

/** Engines are started at once with their controller: that theirs was done as well says nothing of it. */
function isOfController(failure: LaunchFailure | undefined): boolean {
  return failure?.type === 'controller_ended' || (failure?.type === 'timed_out' && !failure.controllerReady)
}

async function runTask(plan: TrialPlan): Promise<string> {
  const { Client } = await import('../client/client.ts')
  const { client } = connectionFilePaths(securityDirectory(plan.profileDir), plan.clusterId)
  await using rc = await Client.connect({ connectionFile: client })
  // A cell that engines of every language understand.
  await rc.directView().execute('6 * 7')
  return `engine ${rc.ids.join()} has run it`
}

/** Sees how far the start of one engine comes. */
class Probe {
  #controller: Job | undefined
  #engine: Job | undefined

  /** The same plan, with launchers that tell of it. */
  watching(plan: TrialPlan): KeeperPlan {
    const { controller, engines } = plan
    const [set] = engines.sets
    const launchController = watched(controller.launcher, job => {
      this.#controller = job
    })
    const launchEngine = watched(set.launcher, job => {
      this.#engine = job
    })
    return {
      ...plan,
      controller: { ...controller, launcher: launchController },
      engines: { sets: [{ ...set, launcher: launchEngine }] },
    }
  }

  /**
   * @param error - what the start failed with.
   * @param hasRun - the engine ran, whatever came of it.
   */
  *stagesOfStart(error: unknown, hasRun: boolean): Generator<StageReport> {
    if (this.#engine === undefined) {
      yield failed('controller', error)
      return
    }
    yield passed('controller', nameOf(this.#controller))
    const wasTaken = idOf(this.#engine) !== ''
    if (!wasTaken && error !== undefined) {
      yield failed('submit', error)
      return
    }
    yield passed('submit', nameOf(this.#engine))
    if (error === undefined) {
      yield passed('engine', 'one engine runs')
      yield passed('connection', 'it has registered with the controller')
      return
    }
    if (!hasRun) {
      yield failed('engine', error)
      return
    }
    yield passed('engine', 'one engine runs')
    const hint =
      "  hint: the engine runs, and does not reach the controller: have it listen where engines are (ip: '*'), name its machine as they know it (location), and see that the profile's folder and the ports can be reached from there"
    yield { stage: 'connection', ok: false, detail: `${messageOf(error)}\n${hint}` }
  }
}

/** The same launcher, for whoever wants to know of its job. */
function watched(launcher: Launcher, onJob: (job: Job) => void): Launcher {
  const seen = <J extends Job>(job: J): J => {
    onJob(job)
    return job
  }
  if (launcher.kind === 'single') {
    const submit = (program: Program, handlers: JobHandlers) => seen(launcher.submit(program, handlers))
    return { ...launcher, submit }
  }
  const submit = (program: Program, count: number, handlers: GroupHandlers) =>
    seen(launcher.submit(program, count, handlers))
  return { ...launcher, submit }
}

function idOf(job: Job): string {
  if ('id' in job) return (job as GroupJob).id
  return job.pid === -1 ? '' : String(job.pid)
}

function nameOf(job: Job | undefined): string {
  if (job === undefined) return ''
  return job.pid === -1 ? `job ${idOf(job)}` : `process ${job.pid}`
}

function isThere(command: string): boolean {
  const paths = command.includes('/')
    ? [command]
    : (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, command))
  return paths.some(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function passed(stage: Stage, detail: string): StageReport {
  return { stage, ok: true, detail }
}

function failed(stage: Stage, error: unknown): StageReport {
  return { stage, ok: false, detail: messageOf(error) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
