/**
 * What the keeper needs of a system that runs programs: this machine, a batch system, a set of hosts. A launcher is a
 * description of how one program is submitted there; what is started when, and what becomes of it, is decided
 * elsewhere.
 */

import { ConfigurationError } from '../errors.ts'
import type { LifelineEvent } from './lifeline.ts'
import { localLauncher } from './local-launcher.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** A program and how it is called. Its arguments and environment never hold the cluster's key. */
export interface Program {
  /** `ipcontroller` or `ipengine`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
}

/** What a launcher tells of a submitted program. */
export interface JobHandlers {
  onEvent(event: LifelineEvent): void
  /** Called exactly once, also when the program could not be started at all. Nothing follows it. */
  onEnd(end: ProgramEnd): void
}

/** A submitted program. */
export interface Job {
  /** Number of its process on this machine; -1 where it has none. */
  readonly pid: number
  /** Sends a signal; SIGKILL reaches whatever the program has started as well. Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** Lets our own process end while this one runs. */
  unref(): void
}

export interface Launcher {
  readonly name: LauncherName
  submit(program: Program, handlers: JobHandlers): Job
}

const LAUNCHERS = { local: localLauncher } as const satisfies Record<string, Launcher>

/** Names of the launchers that there are. */
export type LauncherName = 'local'

export const LAUNCHER_NAMES = Object.keys(LAUNCHERS) as readonly LauncherName[]

/**
 * @param others - what else might have been meant, to be named in the error.
 * @throws ConfigurationError when there is no launcher of that name.
 */
export function findLauncher(name: string, others: readonly string[] = []): Launcher {
  if (Object.hasOwn(LAUNCHERS, name)) return LAUNCHERS[name as LauncherName]
  throw new ConfigurationError(
    `there is no launcher ${JSON.stringify(name)}: use ${[...LAUNCHER_NAMES, ...others].join(', ')}`,
  )
}
