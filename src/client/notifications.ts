import type { EngineId, EngineUuid } from '../base/ids.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import type { RosterEvent } from './state/roster.ts'

/** What a notification of the hub says. @throws RemoteProtocolError for one that cannot be read. */
export function readNotification(envelope: Envelope): RosterEvent | { readonly type: 'shut_down' } {
  const { header, content } = envelope
  switch (header.msg_type) {
    case 'registration_notification':
      return { type: 'registered', ...readEngine(content) }
    case 'unregistration_notification':
      return { type: 'unregistered', ...readEngine(content), cause: readCause(content.cause) }
    case 'shutdown_notification':
      return { type: 'shut_down' }
    default:
      throw new RemoteProtocolError(`unknown notification ${header.msg_type}`)
  }
}

/** The engines of a `connection_reply`, whose keys are numbers as text. */
export function readEngineList(content: Json): RosterEvent {
  const engines = new Map<EngineId, EngineUuid>()
  for (const [id, uuid] of Object.entries((content.engines ?? {}) as Json)) {
    const engine = readEngine({ id: Number(id), uuid })
    engines.set(engine.id, engine.uuid)
  }
  return { type: 'list', engines }
}

function readEngine(content: Json): { readonly id: EngineId; readonly uuid: EngineUuid } {
  const { id, uuid } = content
  if (!Number.isInteger(id) || typeof uuid !== 'string')
    throw new RemoteProtocolError('an engine was named without its number or uuid')
  return { id: id as EngineId, uuid: uuid as EngineUuid }
}

function readCause(cause: unknown): DeathCause | undefined {
  return typeof cause === 'object' && cause !== null ? (cause as DeathCause) : undefined
}
