import type { ConnectionError } from '../errors.ts'
import type { DeathCause, MimeBundle } from '../protocol/catalogue.ts'

/** An engine that came, or went. */
export interface EngineEvent {
  readonly id: number
  readonly uuid: string
}

/** An engine that went, and why, where that is known. */
export interface EngineLeftEvent extends EngineEvent {
  /** How it ended, where that is known. */
  readonly cause: DeathCause | undefined
}

/** A piece of text that a request of this client printed. */
export interface StreamEvent {
  readonly text: string
  readonly msgId: string
  readonly engineId: number | undefined
}

/** Something that a request of this client showed. */
export interface DisplayEvent {
  readonly data: MimeBundle
  readonly msgId: string
  readonly engineId: number | undefined
}

/** What a client emits. */
export interface ClientEvents {
  'engine:registered': [engine: EngineEvent]
  'engine:unregistered': [engine: EngineLeftEvent]
  stdout: [output: StreamEvent]
  stderr: [output: StreamEvent]
  display: [output: DisplayEvent]
  /** The connection has ended: closed by this program, shut down, or lost for good. Nothing more will come. */
  close: [reason: ConnectionError]
}
