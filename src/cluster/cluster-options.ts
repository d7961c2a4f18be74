import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from '../base/log.ts'
import { resolvePlace } from '../config/profile.ts'
import { UsageError } from '../errors.ts'
import type { KeeperPlan } from './keeper.ts'
import { findLauncher, type LauncherName } from './launcher.ts'
import { findProgram } from './program.ts'

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
export interface ClusterOptions extends ClusterPlace {
  /** How many engines. Default: as many as this machine has cores. */
  readonly n?: number | undefined
  /** What starts the engines. Default: `local`. */
  readonly engines?: LauncherName | undefined
  /** What starts the controller. Default: `local`. */
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
  /** Further arguments of `ipcontroller`, such as `--ping=500`. */
  readonly controllerArgs?: readonly string[] | undefined
  /** Further arguments of `ipengine`. */
  readonly engineArgs?: readonly string[] | undefined
  /** Environment variables of the engines, besides this program's own. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly log?: Logger | undefined
}

const DEFAULT_TIMEOUT = 60
const ENGINES_MAX = 100_000
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A cluster id that no other cluster has: seconds and four letters, as Python makes them. */
export function freshClusterId(): string {
  const letters = Array.from({ length: 4 }, () => ID_LETTERS[randomInt(ID_LETTERS.length)])
  return `${Math.floor(Date.now() / 1000)}-${letters.join('')}`
}

/** @throws UsageError unless `n` is a number of engines that can be started. */
export function checkEngineCount(n: number): void {
  if (Number.isSafeInteger(n) && n >= 1 && n <= ENGINES_MAX) return
  throw new UsageError(`cannot start ${n} engines: give a whole number from 1 to ${ENGINES_MAX}, such as 4`)
}

/**
 * The plan for a whole cluster.
 *
 * @throws UsageError, ConfigurationError when an option cannot be used.
 */
export function clusterPlan(options: ClusterOptions): KeeperPlan {
  const n = options.n ?? availableParallelism()
  checkEngineCount(n)
  const place = resolvePlace(options)
  const { ip, location } = options
  const controllerArgs = [
    ...(ip === undefined ? [] : [`--ip=${ip}`]),
    ...(location === undefined ? [] : [`--location=${location}`]),
    ...(options.controllerArgs ?? []),
  ]
  return {
    ...enginePlan(options),
    n,
    controller: {
      launcher: findLauncher(options.controller ?? 'local'),
      program: findProgram('ipcontroller', place, controllerArgs),
    },
    controllerIp: ip ?? '',
    controllerLocation: location ?? '',
  }
}

/** The plan for engines that join a controller which somebody else keeps. */
export function enginePlan(options: ClusterOptions): KeeperPlan {
  const place = resolvePlace(options)
  const timeout = options.timeout ?? DEFAULT_TIMEOUT
  if (!(timeout > 0)) throw new UsageError(`cannot wait ${timeout} s: timeout must be above 0 seconds`)
  return {
    ...place,
    n: options.n ?? 0,
    controller: undefined,
    engines: {
      launcher: findLauncher(options.engines ?? 'local'),
      // Many engines at once slow their controller down: they wait for it as long as the start may take.
      program: findProgram(
        'ipengine',
        place,
        [`--timeout=${timeout}`, ...(options.engineArgs ?? [])],
        options.env,
      ),
    },
    controllerIp: '',
    controllerLocation: '',
    startTimeoutMs: timeout * 1000,
  }
}
