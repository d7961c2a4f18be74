/**
 * What the keeper needs of a system that runs programs: this machine, a set of hosts, a batch system. A launcher is a
 * description of how programs are submitted there and a small runner; what is started when, and what becomes of it, is
 * decided elsewhere. There are two kinds:
 *
 * - a **single** launcher starts one program of this machine, which tells by a pipe how far it has come (`lifeline.ts`);
 * - a **group** launcher starts several copies of one program as one job, anywhere. They cannot tell by a pipe: the
 *   keeper gives each job a prefix for its engines' uuids, and hears of them from the hub (`hub-watch.ts`). All the
 *   launcher has to tell is the end of the job as a whole.
 */

import type { LauncherName } from '../config/launcher-names.ts'
import type { JobRecord } from '../config/pid-file.ts'
import type { LifelineEvent } from './lifeline.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** A program and how it is called. Its arguments and environment never hold the cluster's key. */
export interface Program {
  /** `ipcontroller` or `ipengine`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment, for a program of this machine. */
  readonly env: NodeJS.ProcessEnv
  /** What of `env` is not just this machine's: set it wherever the program runs. */
  readonly ownEnv: Readonly<Record<string, string>>
  readonly cwd: string
}

/** A submitted program, or several copies of one. */
export interface Job {
  /** Number of its process on this machine; -1 where it has none. */
  readonly pid: number
  /**
   * SIGTERM asks it to end, and SIGKILL makes it: also what it has started, and also while it is only being submitted.
   * Does nothing when it has ended. Never throws: what goes wrong is the end's business.
   */
  signal(signal: NodeJS.Signals): void
  /** Lets our own process end while this one runs. */
  unref(): void
}

/** What a launcher tells of a submitted program. */
export interface JobHandlers {
  onEvent(event: LifelineEvent): void
  /**
   * Called exactly once, after `submit` has returned, also when the program could not be started at all. Nothing follows
   * it.
   */
  onEnd(end: ProgramEnd): void
}

/** Starts programs one by one. */
export interface SingleLauncher {
  readonly kind: 'single'
  readonly name: LauncherName
  submit(program: Program, handlers: JobHandlers): Job
}

/** Several copies of one program that were submitted together. */
export interface GroupJob extends Job {
  /** How it is found again when its keeper was killed; undefined where it ends with its keeper, or has no id yet. */
  readonly record?: JobRecord | undefined
  /** What the system calls it: a process number, or a batch system's id. Empty until it is known. */
  readonly id: string
  /** As last heard: `waiting` for a place to run, or `running`. A word of the system's own may say why. */
  readonly status: { readonly state: 'waiting' | 'running' | 'ended'; readonly detail?: string }
  /**
   * Something has happened to it: ask the system soon how it is. Only where the system tells more than the hub does.
   *
   * @param task - the copy that has run and is gone, as the hub says; undefined where it has no number of its own.
   */
  look?(task: string | undefined): void
  /**
   * Has the system send a signal to one of the copies, by its number; the empty one is that of the only one. Undefined where
   * it has no way to.
   *
   * @returns when it is sent; rejects with a LauncherError when the system refuses.
   */
  signalTask?(task: string, signal: NodeJS.Signals): Promise<void> | undefined
}

export interface GroupHandlers {
  /** Called when the system has taken the job, and its id is known. */
  onSubmitted?(): void
  /** Called when one of the copies has ended and others have not, where the system counts them: with its number. */
  onTaskEnd?(task: string, end: ProgramEnd): void
  /**
   * Called exactly once, after `submit` has returned, when nothing of the job runs any more, also when it could not be
   * submitted. Give it the last lines of the job's log, the command by which it was submitted, and a hint where you know
   * one.
   */
  onEnd(end: ProgramEnd): void
}

/** Starts several copies of a program as one job. */
export interface GroupLauncher {
  readonly kind: 'group'
  readonly name: LauncherName
  /**
   * The copies are the ranks of one MPI program. They live and die together: when one is gone the job is ended, and all
   * of them are started again as one. Their numbers are their ranks, from `--id` on.
   */
  readonly areRanks: boolean
  /** The commands that it calls: they must be on this machine. */
  readonly commands: readonly string[]
  /** How long a job may take to be gone after SIGKILL, in ms. Default: 3000. */
  readonly endMs?: number
  /**
   * What would be submitted, for people.
   *
   * @throws ConfigurationError for a setting that cannot be used.
   */
  script?(program: Program, count: number): string
  /** Returns at once. @param count - copies; at least one. */
  submit(program: Program, count: number, handlers: GroupHandlers): GroupJob
}

export type Launcher = SingleLauncher | GroupLauncher
