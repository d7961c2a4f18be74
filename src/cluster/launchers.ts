/** The launchers that there are, by their names, and what can be set for them. */

import { availableParallelism } from 'node:os'
import {
  BATCH_SYSTEM_NAMES,
  type BatchSystemName,
  LAUNCHER_NAMES,
  type LauncherName,
} from '../config/launcher-names.ts'
import { nearest } from '../config/nearest.ts'
import { ConfigurationError } from '../errors.ts'
import { batchLauncher } from './batch/batch-launcher.ts'
import type { BatchSettings } from './batch/batch-settings.ts'
import type { Launcher } from './launcher.ts'
import { localLauncher } from './local-launcher.ts'
import { type MpiSettings, mpiLauncher } from './mpi-launcher.ts'
import type { ProgramPlace } from './program.ts'
import { sshControllerLauncher } from './ssh-controller.ts'
import { sshLauncher } from './ssh-launcher.ts'
import { countKindsByHost, type SshSettings } from './ssh-settings.ts'

/** What can be set for launchers, each under its launcher's name, or that of all batch systems. */
export interface LauncherSettings {
  /** How `mpiexec` is called. */
  readonly mpi?: MpiSettings | undefined
  /** The hosts, and how they are reached. */
  readonly ssh?: SshSettings | undefined
  /** What jobs of batch systems need. */
  readonly batch?: BatchSettings | undefined
}

/** So many engines, to be started by this launcher. */
export interface Share {
  readonly n: number
  readonly launcher: Launcher
}

type MakeLauncher = (settings: LauncherSettings, place: ProgramPlace) => Launcher

/** Those that start a controller in a way of its own. */
const CONTROLLER_LAUNCHERS: Readonly<Record<'mpi' | 'ssh', MakeLauncher>> = {
  mpi: ({ mpi }, place) => ({ ...mpiLauncher(mpi, place), areRanks: false }),
  ssh: ({ ssh }, place) => sshControllerLauncher(ssh, place),
}

/** Those that start engines over ssh are one for each host: see `shareEngines`. */
const LAUNCHERS: Readonly<Record<Exclude<LauncherName, 'ssh'>, MakeLauncher>> = {
  local: () => localLauncher,
  mpi: ({ mpi }, place) => mpiLauncher(mpi, place),
  ...(Object.fromEntries(BATCH_SYSTEM_NAMES.map(name => [name, inBatch(name)])) as Record<
    BatchSystemName,
    MakeLauncher
  >),
}

function inBatch(name: BatchSystemName): MakeLauncher {
  return ({ batch, mpi }, { profileDir }) => batchLauncher(name, batch ?? {}, profileDir, { mpi })
}

/**
 * @param others - what else might have been meant, to be named in the error.
 * @throws ConfigurationError when there is no launcher of that name.
 */
export function checkLauncher(name: string, others: readonly string[] = []): LauncherName {
  const found = LAUNCHER_NAMES.find(known => known === name)
  if (found !== undefined) return found
  const names = [...LAUNCHER_NAMES, ...others]
  const [near] = nearest(name, names)
  const hint = near === undefined ? `use one of ${names.join(', ')}` : `did you mean ${near}?`
  throw new ConfigurationError(`there is no launcher ${JSON.stringify(name)}: ${hint}`)
}

/**
 * What starts the controller.
 *
 * @throws ConfigurationError when there is no launcher of that name, or its settings cannot be used.
 */
export function controllerLauncher(name: string, settings: LauncherSettings, place: ProgramPlace): Launcher {
  const known = checkLauncher(name)
  const makers = { ...LAUNCHERS, ...CONTROLLER_LAUNCHERS }
  return makers[known](settings, place)
}

/**
 * Who is to start how many engines of each of several kinds.
 *
 * @param ns - how many there are to be of each; undefined for a single one: as many as the hosts say, or else as this
 * machine has cores.
 * @throws ConfigurationError as controllerLauncher.
 */
export function shareEngines(
  name: LauncherName,
  settings: LauncherSettings,
  place: ProgramPlace,
  ns: readonly (number | undefined)[],
): readonly (readonly Share[])[] {
  if (name !== 'ssh')
    return ns.map(n => [{ n: n ?? availableParallelism(), launcher: LAUNCHERS[name](settings, place) }])
  const { ssh } = settings
  return countKindsByHost(ssh, ns).map(counts =>
    [...counts].map(([host, n]) => ({ n, launcher: sshLauncher(host, ssh!, place) })),
  )
}

/** The settings of launchers, out of options that hold others as well. */
export function launcherSettings(options: LauncherSettings): LauncherSettings {
  const names: readonly string[] = [...LAUNCHER_NAMES, 'batch']
  const found = Object.entries(options).filter(([name]) => names.includes(name))
  return Object.fromEntries(found.filter(([, settings]) => settings !== undefined))
}
