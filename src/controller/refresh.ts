import type { Envelope } from '../protocol/envelope.ts'
import { dateNow, type Session } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'

/**
 * The same request with a new date and signature, routing prefix included: an engine drops bytes that it has seen
 * before, whatever the reason for which they come again.
 */
export function refreshed(session: Session, request: Envelope): Frame[] {
  const body = session.packParts(
    { ...request.header, date: dateNow() },
    request.parentHeader,
    request.metadata,
    request.contentFrame,
    request.buffers,
  )
  return [...request.prefix, ...body]
}
