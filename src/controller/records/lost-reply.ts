import { DELIMITER, Envelope } from '../../protocol/envelope.ts'
import { errorContent } from '../state/wire-error.ts'

/** The reply that the records give to a request whose controller ended before its engine had answered. */
export function lostReply(msgId: string, request: Envelope, engine: string | null, nowMs: number): Envelope {
  const date = new Date(nowMs).toISOString()
  const evalue = `the controller ended while this request was under way, so its result is lost: run it again with resubmit('${msgId}')`
  const type = typeOf(request).replace(/_request$/, '_reply')
  const header = { msg_id: `${msgId}_lost`, msg_type: type, date, version: '5.3' }
  const metadata = { status: 'error', ...(engine !== null && { engine }) }
  const parts = [header, {}, metadata, errorContent('EngineError', evalue)]
  return Envelope.cut([DELIMITER, Buffer.alloc(0), ...parts.map(part => Buffer.from(JSON.stringify(part)))])!
}

function typeOf(request: Envelope): string {
  try {
    return request.header.msg_type
  } catch {
    return 'apply_request'
  }
}
