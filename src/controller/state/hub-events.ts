/** What can happen to the hub, and what it has its shells do. */

import type { DeathCause, HubReplies, Notifications } from '../../protocol/catalogue.ts'
import type { Header } from '../../protocol/envelope.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import type { Fields } from './query.ts'
import type { RecordAnswer, RecordQuestion, RequestParts } from './record-questions.ts'
import type { WireError } from './wire-error.ts'

/** What engines can do that the original's cannot. */
export interface EngineAbilities {
  /** It can be asked to give tasks back. */
  readonly recalls: boolean
  /** It knows a request that comes again, and does not run it again. */
  readonly remembers: boolean
}

export type HubEvent =
  | {
      readonly type: 'hub_request'
      readonly from: Frame
      readonly header: Header
      readonly content: Fields
    }
  | { readonly type: 'heart_started'; readonly engine: string }
  | { readonly type: 'heart_stopped'; readonly engine: string; readonly misses: number }
  /** One of an engine's connections to the schedulers is gone, or back. */
  | { readonly type: 'link_lost'; readonly engine: string; readonly channel: string }
  | { readonly type: 'link_joined'; readonly engine: string; readonly channel: string }
  /** The engine said on iopub that it shuts down. */
  | { readonly type: 'shutdown_seen'; readonly engine: string; readonly restart: boolean }
  /** A request that `isAwaited` has its answer. */
  | { readonly type: 'request_ended'; readonly msgId: string }
  /** What the records say to a question that the hub put to them. */
  | {
      readonly type: 'records_answered'
      readonly from: Frame
      readonly header: Header
      readonly answer: RecordAnswer | WireError
    }
  | { readonly type: 'tick' }

export type HubEffect =
  | {
      readonly type: 'reply'
      readonly to: Frame
      readonly messageType: keyof HubReplies
      readonly content: object
      /** Undefined: an empty one, as the original sends with registrations. */
      readonly parent: Header | undefined
      readonly buffers?: Message | undefined
    }
  | {
      readonly type: 'notify'
      readonly messageType: keyof Notifications
      readonly content: object
      readonly parent?: Header
    }
  | { readonly type: 'await_heart'; readonly engine: string }
  | { readonly type: 'forget_heart'; readonly engine: string }
  /** The schedulers may use the engine. */
  | ({
      readonly type: 'admit_engine'
      readonly engine: string
      readonly id: number
      /** What it told of the code that it runs. */
      readonly language: string | undefined
    } & EngineAbilities)
  | {
      readonly type: 'dismiss_engine'
      readonly engine: string
      readonly id: number
      readonly cause: DeathCause | undefined
      readonly orderly: boolean
    }
  /** The answer comes as `records_answered`, with the same `from` and `header`. */
  | {
      readonly type: 'ask_records'
      readonly from: Frame
      readonly header: Header
      readonly question: RecordQuestion
    }
  | { readonly type: 'submit_again'; readonly newId: string; readonly request: RequestParts }
  /** Tasks that are with no engine must end here. */
  | { readonly type: 'abort_tasks'; readonly msgIds: readonly string[] }
  | { readonly type: 'stop_controller' }
