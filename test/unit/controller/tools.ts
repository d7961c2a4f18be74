import { Envelope, type Json } from '../../../src/protocol/envelope.ts'
import { type OutgoingMessage, Session } from '../../../src/protocol/session.ts'

/** The mark of our own clients. */
export const OWN: Json = { itsparallel: { v: 1 } }

const session = new Session({ key: '' })

export const clientA = Buffer.from('client-a')

/** A message as a machine gets it, with its routing prefix. */
export function envelope(message: OutgoingMessage, prefix: readonly Buffer[] = [clientA]): Envelope {
  return Envelope.cut([...prefix, ...session.pack(message)])!
}

export function applyRequest(msgId: string, metadata: Json = {}, call = 'call'): Envelope {
  return envelope({ type: 'apply_request', msgId, metadata, buffers: [Buffer.from(call)] })
}

export function applyReply(msgId: string, metadata: Json = { status: 'ok' }, value = 'value'): Envelope {
  const { status = 'ok' } = metadata
  return envelope({
    type: 'apply_reply',
    parentHeader: { msg_id: msgId },
    metadata,
    content: { status },
    buffers: status === 'ok' ? [Buffer.from(value)] : [],
  })
}
