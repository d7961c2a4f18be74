import type { EngineUuid } from '../base/ids.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { Message } from '../transport/socket.ts'
import type { Decode, RecordOwner } from './request-record.ts'
import type { Route } from './state/requests.ts'

/** What a view wants sent, to whomever. */
export interface Outgoing {
  readonly type: MessageType
  readonly content?: object | undefined
  readonly metadata?: object | undefined
  readonly buffers?: Message | undefined
  readonly owner: RecordOwner
  readonly decode: Decode
  readonly signal?: AbortSignal | undefined
  /** Position of its first element in the whole sequence of a `map`. */
  readonly firstIndex?: number
}

/** One request, as a view wants it sent. */
export interface Submission extends Outgoing {
  readonly route: Route
  /** Its target; undefined where a scheduler decides. */
  readonly engine?: EngineUuid | undefined
}
