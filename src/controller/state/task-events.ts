/** What can happen to the balanced scheduler, and what it has its shell do. */

import type { Millis } from '../../base/clock.ts'
import type { DeathCause, ErrorContent } from '../../protocol/catalogue.ts'
import type { Envelope, Json } from '../../protocol/envelope.ts'
import type { Frame } from '../../transport/socket.ts'
import type { PlacementScheme, Random } from './placement.ts'
import type { Task } from './task.ts'

export type TaskQueueEvent =
  /**
   * `language`: of the code that it runs; undefined: as its uuid tells.
   * `isAway`: its connection is not there yet, or no longer.
   * `recalls`: it can be asked to give tasks back.
   */
  | {
      readonly type: 'engine_joined'
      readonly engine: string
      readonly id: number
      readonly language?: string | undefined
      readonly isAway?: boolean
      readonly recalls?: boolean
    }
  /** An engine will not run these of its tasks; it names them by the signatures under which it got them. */
  | { readonly type: 'tasks_given_back'; readonly engine: string; readonly signatures: ReadonlySet<string> }
  /** The connection was lost, or is back, over which it says so. */
  | { readonly type: 'control_disconnected' | 'control_reconnected'; readonly engine: string }
  /** `orderly`: it was asked to go, so its tasks have nothing to do with it. */
  | {
      readonly type: 'engine_left'
      readonly engine: string
      readonly cause?: DeathCause | undefined
      readonly orderly?: boolean
    }
  /** Its connection was lost: what was under way may or may not have arrived. */
  | { readonly type: 'engine_disconnected'; readonly engine: string }
  /** It is back: what was under way when it was lost must go again. */
  | { readonly type: 'engine_reconnected'; readonly engine: string }
  | {
      readonly type: 'task_submitted'
      readonly msgId: string
      readonly client: Frame
      readonly request: Envelope
      readonly metadata: Json
    }
  | {
      readonly type: 'task_replied'
      readonly engine: string
      /** The request that this answers. */
      readonly msgId: string
      readonly reply: Envelope
      readonly metadata: Json
      /** What a reply says whose metadata tells that a dependency is not met there. */
      readonly refusal?: string | undefined
    }
  /** Their client wants them to end. Engines are told by the client itself. */
  | { readonly type: 'tasks_aborted'; readonly msgIds: readonly string[] }
  | { readonly type: 'tick' }

export type TaskQueueEffect =
  /** `refresh`: give it a new date and signature first (invariant 4). */
  | {
      readonly type: 'dispatch_task'
      readonly task: Task
      readonly engine: string
      readonly refresh: boolean
    }
  | {
      readonly type: 'relay_reply'
      readonly task: Task
      readonly engine: string
      readonly reply: Envelope
    }
  /** `engine`: speak in its name, as the original does for a dead one. */
  | {
      readonly type: 'answer_error'
      readonly task: Task
      readonly engine: string | undefined
      readonly error: ErrorContent
    }
  /** Ask the engine to give back what it has not begun of these. */
  | { readonly type: 'recall_tasks'; readonly engine: string; readonly tasks: readonly Task[] }
  | { readonly type: 'drop_reply'; readonly engine: string; readonly msgId: string }

export interface TaskQueueOptions {
  readonly scheme: PlacementScheme
  readonly hwm: number | 'auto'
  readonly random: Random
  /** How long the original waits for late replies of a dead engine. */
  readonly limboMs?: Millis
}
