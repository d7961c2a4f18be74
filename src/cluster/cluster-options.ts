import { randomInt } from 'node:crypto'
import type { Logger } from '../base/log.ts'
import { readConfiguration } from '../config/config-file.ts'
import type { LauncherName } from '../config/launcher-names.ts'
import { mergeSettings } from '../config/merge-settings.ts'
import { profileDirectory, resolvePlace } from '../config/profile.ts'
import { UsageError } from '../errors.ts'
import {
  checkEngineCount,
  type EngineSet,
  type EnginesOption,
  engineSets,
  launcherOf,
} from './engine-sets.ts'
import type { KeeperPlan } from './keeper-plan.ts'
import type { Launcher, Program } from './launcher.ts'
import { controllerLauncher, type LauncherSettings, shareEngines } from './launchers.ts'
import { asRank, commandLine, findProgram, type ProgramPlace } from './program.ts'

/** Where a cluster is to be found. */
export interface ClusterPlace {
  /** Default: `default`. */
  readonly profile?: string | undefined
  /** The profile's directory itself; wins over its name. */
  readonly profileDir?: string | undefined
  /** Tells clusters of one profile apart. */
  readonly clusterId?: string | undefined
}

/** How a cluster is started. Everything has a default. */
export interface ClusterOptions extends ClusterPlace, LauncherSettings {
  /** How many engines. Default: as many as this machine has cores. */
  readonly n?: number | undefined
  /**
   * What starts the engines, or which engines: a launcher (`'local'`, `'mpi'`, `'ssh'`), a language (`'node'`,
   * `'python'`), or how many of each (`{ python: 2, node: 2 }`). Default: `local`, engines of this package.
   */
  readonly engines?: EnginesOption | undefined
  /**
   * What starts the engines, where `engines` says which they are: `{ engines: { python: 2, node: 2 }, launcher: 'ssh' }`.
   * Default: `local`.
   */
  readonly launcher?: LauncherName | undefined
  /** Command of foreign engines, such as `conda run -n sim ipengine`; it is given what Python's `ipengine` takes. */
  readonly engineCommand?: string | undefined
  /** The Python of Python engines. Default: `$ITSPARALLEL_PYTHON`, or the first python3 that has ipyparallel. */
  readonly python?: string | undefined
  /** What starts the controller: this machine, mpiexec, ssh on `ssh.controllerHost`, a batch system. Default: `local`. */
  readonly controller?: LauncherName | undefined
  /** Seconds that the start may take. Default: 60. */
  readonly timeout?: number | undefined
  /** Gives the start up. */
  readonly signal?: AbortSignal | undefined
  /** True: the cluster goes on when this program ends. Default: it ends with it. */
  readonly detached?: boolean | undefined
  /** Address that the controller listens on. Default: this machine only. */
  readonly ip?: string | undefined
  /** Name or address under which others find the controller's machine. */
  readonly location?: string | undefined
  /**
   * Where the controller remembers requests and results: in a database of the profile, in its memory, or not at all.
   * Default: `memory`, and `sql` for a detached cluster.
   */
  readonly records?: 'sql' | 'memory' | 'none' | undefined
  /** Further arguments of `ipcontroller`, such as `--ping=500`. */
  readonly controllerArgs?: readonly string[] | undefined
  /** Further arguments of `ipengine`. */
  readonly engineArgs?: readonly string[] | undefined
  /** Environment variables of the engines, besides this program's own. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly log?: Logger | undefined
}

/**
 * The options, with what they leave open taken from the profile's `ipcluster_config` file.
 *
 * @throws ConfigurationError with file and line for what is wrong in the file.
 */
export async function configured(options: ClusterOptions): Promise<ClusterOptions> {
  const configuration = await readConfiguration(profileDirectory(options), 'ipcluster')
  return mergeSettings(configuration, options)
}

const DEFAULT_TIMEOUT = 60
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A cluster id that no other cluster has: seconds and four letters, as Python makes them. */
export function freshClusterId(): string {
  const letters = Array.from({ length: 4 }, () => ID_LETTERS[randomInt(ID_LETTERS.length)])
  return `${Math.floor(Date.now() / 1000)}-${letters.join('')}`
}

/**
 * The plan for a whole cluster.
 *
 * @throws UsageError, ConfigurationError when an option cannot be used.
 */
export function clusterPlan(options: ClusterOptions): KeeperPlan {
  const place = resolvePlace(options)
  const { ip, location, records } = options
  const controllerArgs = [
    ...(ip === undefined ? [] : [`--ip=${ip}`]),
    ...(location === undefined ? [] : [`--location=${location}`]),
    ...(records === undefined ? [] : [`--records=${records}`]),
    ...(options.controllerArgs ?? []),
  ]
  const launcher = controllerLauncher(options.controller ?? 'local', options, place)
  const program = findProgram('ipcontroller', place, controllerArgs)
  shownScript(launcher, program, 1)
  return {
    ...enginePlan(options),
    controller: { launcher, program },
    controllerIp: ip ?? '',
    controllerLocation: location ?? '',
  }
}

/** The plan for engines that join a controller which somebody else keeps. */
export function enginePlan(options: ClusterOptions): KeeperPlan {
  const place = resolvePlace(options)
  const timeout = options.timeout ?? DEFAULT_TIMEOUT
  if (!(timeout > 0)) throw new UsageError(`cannot wait ${timeout} s: timeout must be above 0 seconds`)
  const kinds = engineSets(options)
  const shares = shareEngines(
    launcherOf(options),
    options,
    place,
    kinds.map(({ n }) => n),
  )
  const sets = kinds.flatMap((kind, i) => {
    const program = engineProgram(kind, place, timeout, options)
    return shares[i]!.map(share => ({ ...share, program }))
  })
  for (const set of sets) {
    checkEngineCount(set.n)
    // What is wrong with a job's settings is said before anything runs.
    shownScript(set.launcher, set.program, set.n)
  }
  return {
    ...place,
    n: sets.reduce((n, set) => n + set.n, 0),
    controller: undefined,
    engines: { sets },
    controllerIp: '',
    controllerLocation: '',
    startTimeoutMs: timeout * 1000,
  }
}

function engineProgram(
  set: EngineSet,
  place: ProgramPlace,
  timeout: number,
  options: ClusterOptions,
): Program {
  // A foreign engine gets its arguments after its command; ours are for the `ipengine` that runs it.
  const foreign = set.command === undefined ? [] : ['--', ...set.command]
  // Many engines at once slow their controller down: they wait for it as long as the start may take.
  const args = [`--timeout=${timeout}`, ...foreign, ...(options.engineArgs ?? [])]
  return findProgram('ipengine', place, args, options.env)
}

/**
 * What would be run or submitted for this plan, one text for each kind of program: job scripts, or command lines.
 *
 * @throws ConfigurationError for a setting that cannot be used.
 */
export function planScripts({ controller, engines }: KeeperPlan): string[] {
  let nextId = 0
  return [
    ...(controller === undefined ? [] : [shownScript(controller.launcher, controller.program, 1)]),
    ...engines.sets.map(({ launcher, program, n }) => {
      const areRanks = launcher.kind === 'group' && launcher.areRanks
      const script = shownScript(launcher, areRanks ? asRank(program, nextId) : program, n)
      nextId += n
      return script
    }),
  ]
}

function shownScript(launcher: Launcher, program: Program, count: number): string {
  const script = launcher.kind === 'group' ? launcher.script?.(program, count) : undefined
  if (script !== undefined) return script
  return `# ${count} × ${program.name}, started by ${launcher.name}\n${commandLine(program)}\n`
}
