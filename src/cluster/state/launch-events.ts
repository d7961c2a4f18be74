/** What the launch machine is told, and what it answers: see `launch.ts`. */

import type { DeathCause } from '../../protocol/catalogue.ts'

/** Number of one started program, counted from 0; never used twice. The controller has none. */
export type LaunchNumber = number
export type BatchNumber = number
export type EndSignal = 'SIGTERM' | 'SIGKILL'

/** How a program ended, as the system says. */
export interface ProgramEnd {
  readonly exitCode: number | null
  readonly signal: string | null
  /** The last lines of what it wrote. */
  readonly output: string
  /** Why it could not even be started. */
  readonly spawnError?: string
  /** Where there is neither exit code nor signal: what is known. */
  readonly reason?: string
  /** The command line that submitted it, where that is not the program's own. */
  readonly command?: string
  /** What to do about it. */
  readonly hint?: string
}

/** Why a cluster or a batch of engines did not come up, or came to its end unasked. */
export type LaunchFailure =
  | { readonly type: 'controller_ended'; readonly end: ProgramEnd; readonly wasReady: boolean }
  | { readonly type: 'engine_ended'; readonly launch: LaunchNumber; readonly end: ProgramEnd }
  | {
      readonly type: 'timed_out'
      readonly controllerReady: boolean
      readonly registered: number
      readonly wanted: number
    }
  /** The controller that engines alone had joined. */
  | { readonly type: 'controller_gone' }
  | { readonly type: 'stopped' }

export type LaunchEvent =
  | { readonly type: 'start_requested'; readonly engines: number }
  | { readonly type: 'engines_requested'; readonly batch: BatchNumber; readonly engines: number }
  | { readonly type: 'controller_ready' }
  | { readonly type: 'controller_ended'; readonly end: ProgramEnd }
  /** The controller that somebody else keeps does not answer any more. */
  | { readonly type: 'controller_lost' }
  | {
      readonly type: 'engine_registered'
      readonly launch: LaunchNumber
      readonly id: number
      readonly uuid: string
    }
  | { readonly type: 'engine_leaving'; readonly launch: LaunchNumber; readonly restart: boolean }
  | { readonly type: 'engine_ended'; readonly launch: LaunchNumber; readonly end: ProgramEnd }
  /** A job has ended, with all engines that were left of it. */
  | { readonly type: 'job_ended'; readonly launches: readonly LaunchNumber[]; readonly end: ProgramEnd }
  | { readonly type: 'engines_unwanted'; readonly launches: readonly LaunchNumber[] }
  | { readonly type: 'stop_requested' }
  | { readonly type: 'force_requested' }
  | { readonly type: 'tick' }

export type LaunchNews =
  | { readonly type: 'batch_up'; readonly batch: BatchNumber }
  | { readonly type: 'batch_failed'; readonly batch: BatchNumber; readonly failure: LaunchFailure }
  | {
      readonly type: 'engine_died'
      readonly launch: LaunchNumber
      readonly id: number | undefined
      readonly end: ProgramEnd
      /** False when it will not be replaced: too many died before they had registered. */
      readonly isReplaced: boolean
    }
  | { readonly type: 'ended'; readonly failure: LaunchFailure | undefined }

export type LaunchEffect =
  | { readonly type: 'start_controller' }
  | {
      readonly type: 'start_engine'
      readonly launch: LaunchNumber
      /** The engine that it replaces, and is to be like. */
      readonly inPlaceOf?: LaunchNumber
    }
  | { readonly type: 'signal_controller'; readonly signal: EndSignal }
  | { readonly type: 'signal_engine'; readonly launch: LaunchNumber; readonly signal: EndSignal }
  | {
      readonly type: 'report_death'
      readonly id: number
      readonly uuid: string
      readonly cause: DeathCause
    }
  /** What runs has changed: write it down. */
  | { readonly type: 'record' }
  | { readonly type: 'tell'; readonly news: LaunchNews }
