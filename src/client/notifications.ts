import type { EngineId, EngineUuid } from '../base/ids.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { AboutEngine, DeathCause } from '../protocol/catalogue.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import type { EngineList, RosterEvent } from './state/roster.ts'

/** What a notification of the hub says. @throws RemoteProtocolError for one that cannot be read. */
export function readNotification(envelope: Envelope): RosterEvent | { readonly type: 'shut_down' } {
  const { header, content } = envelope
  switch (header.msg_type) {
    case 'registration_notification':
      return { type: 'registered', ...readEngine(content), about: readAbout(content) }
    case 'unregistration_notification':
      return { type: 'unregistered', ...readEngine(content), cause: readCause(content.cause) }
    case 'shutdown_notification':
      return { type: 'shut_down' }
    default:
      throw new RemoteProtocolError(`unknown notification ${header.msg_type}`)
  }
}

/** The engines of a `connection_reply`, whose keys are numbers as text. */
export function readEngineList(content: Json): EngineList {
  const engines = new Map<EngineId, EngineUuid>()
  const about = new Map<EngineId, AboutEngine>()
  const told = (content.about ?? {}) as Readonly<Record<string, Json>>
  for (const [id, uuid] of Object.entries((content.engines ?? {}) as Json)) {
    const engine = readEngine({ id: Number(id), uuid })
    engines.set(engine.id, engine.uuid)
    const facts = readAbout(told[id] ?? {})
    if (facts !== undefined) about.set(engine.id, facts)
  }
  return { engines, about }
}

function readEngine(content: Json): { readonly id: EngineId; readonly uuid: EngineUuid } {
  const { id, uuid } = content
  if (!Number.isInteger(id) || typeof uuid !== 'string')
    throw new RemoteProtocolError('an engine was named without its number or uuid')
  return { id: id as EngineId, uuid: uuid as EngineUuid }
}

/** What an engine told about itself; Python's tell nothing. */
function readAbout({ language, versions }: Json): AboutEngine | undefined {
  if (typeof language !== 'string') return undefined
  const known = typeof versions === 'object' && versions !== null
  return { language, ...(known && { versions: versions as Record<string, string> }) }
}

function readCause(cause: unknown): DeathCause | undefined {
  return typeof cause === 'object' && cause !== null ? (cause as DeathCause) : undefined
}
