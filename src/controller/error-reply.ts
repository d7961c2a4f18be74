import type { ErrorContent, MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Session } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'

/** The failed reply to a request that no engine will answer, from the delimiter on. */
export function answerError(
  session: Session,
  request: Envelope,
  engine: string,
  error: ErrorContent,
): Frame[] {
  return session.pack({
    type: replyTypeOf(request.header.msg_type),
    parentHeader: request.headerFrame,
    // Nothing was shown that a client would have to wait for.
    metadata: { status: 'error', engine, engine_info: { engine_uuid: engine }, outputs: 0 },
    content: error,
  })
}

function replyTypeOf(requestType: string): MessageType {
  // Only plain names are echoed: the header is written by hand, and a quote in it would break it.
  if (!/^[a-z_]{1,64}_request$/.test(requestType)) return 'apply_reply'
  return requestType.replace(/_request$/, '_reply') as MessageType
}
