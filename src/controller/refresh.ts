import type { Envelope } from '../protocol/envelope.ts'
import { dateNow, type Session } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'

let refreshes = 0

/**
 * The same request with a new date and signature, routing prefix included: an engine drops bytes that it has seen
 * before, whatever the reason for which they come again.
 */
export function refreshed(session: Session, request: Envelope): Frame[] {
  // Two refreshes may fall into one millisecond: the last three digits of the second tell them apart.
  refreshes = (refreshes + 1) % 1000
  const date = dateNow().replace('Z', `${String(refreshes).padStart(3, '0')}Z`)
  const body = session.packParts(
    { ...request.header, date },
    request.parentHeader,
    request.metadata,
    request.contentFrame,
    request.buffers,
  )
  return [...request.prefix, ...body]
}
