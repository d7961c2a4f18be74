/** The launchers that there are, by their names, and what can be set for them. */

import { ConfigurationError } from '../errors.ts'
import type { Launcher, LauncherName } from './launcher.ts'
import { localLauncher } from './local-launcher.ts'
import { type MpiSettings, mpiLauncher } from './mpi-launcher.ts'

/** What can be set for launchers, each under its launcher's name. */
export interface LauncherSettings {
  readonly mpi?: MpiSettings | undefined
}

const LAUNCHERS: Readonly<Record<LauncherName, (settings: LauncherSettings) => Launcher>> = {
  local: () => localLauncher,
  mpi: ({ mpi }) => mpiLauncher(mpi),
}

export const LAUNCHER_NAMES = Object.keys(LAUNCHERS) as readonly LauncherName[]

/**
 * @param others - what else might have been meant, to be named in the error.
 * @throws ConfigurationError when there is no launcher of that name.
 */
export function checkLauncher(name: string, others: readonly string[] = []): LauncherName {
  if (Object.hasOwn(LAUNCHERS, name)) return name as LauncherName
  throw new ConfigurationError(
    `there is no launcher ${JSON.stringify(name)}: use ${[...LAUNCHER_NAMES, ...others].join(', ')}`,
  )
}

/** @throws ConfigurationError when there is no launcher of that name, or its settings cannot be used. */
export function makeLauncher(name: string, settings: LauncherSettings = {}): Launcher {
  return LAUNCHERS[checkLauncher(name)](settings)
}
