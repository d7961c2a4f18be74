import { Envelope, type Json } from '../protocol/envelope.ts'
import { splitPayloads } from '../serialize/payload.ts'
import { isPickled, splitPythonValues } from '../serialize/pickle/python-call.ts'
import type { Frame, Message } from '../transport/socket.ts'

/** The reply of one target, as it would have come by itself. */
export interface SeparateReply {
  readonly msgId: string
  readonly reply: Envelope
}

/**
 * Takes a coalesced reply to a broadcast apart: one reply for each target, in the order of its `broadcast_targets`.
 *
 * Our controller says in `replies` what each target's metadata were. Of another one only those of the last reply are
 * known: they then hold for all, but for the engine and its outputs.
 *
 * @returns undefined for a reply of any other kind.
 */
export function separateReplies(reply: Envelope, metadata: Json): SeparateReply[] | undefined {
  const { broadcast_targets: targets, original_msg_id: originalId, replies } = metadata
  if (!Array.isArray(targets) || typeof originalId !== 'string') return undefined
  const payloads = payloadsOf(reply, targets.length)
  return targets.map((target: unknown, index) => {
    const uuid = String(Array.isArray(target) ? target[0] : target)
    const own = Array.isArray(replies) ? (replies[index] as Json) : undefined
    const buffers = payloads?.[index] ?? reply.buffers
    return {
      msgId: `${originalId}_${uuid}`,
      reply: withParts(reply, own ?? metadataFor(uuid, metadata), buffers, own?.date),
    }
  })
}

/** Undefined where they do not add up: whoever reads the reply then finds out what is wrong with it. */
function payloadsOf(reply: Envelope, count: number): Message[] | undefined {
  try {
    const { buffers } = reply
    const payloads = isPickled(buffers) ? splitPythonValues(buffers) : splitPayloads(buffers)
    return payloads.length === count ? payloads : undefined
  } catch {
    return undefined
  }
}

function metadataFor(uuid: string, metadata: Json): Json {
  return metadata.engine === uuid ? metadata : { ...metadata, engine: uuid, outputs: undefined }
}

function withParts(reply: Envelope, metadata: Json, buffers: Message, date: unknown): Envelope {
  const { frames, delimiterAt } = reply
  const [delimiter, signature, header, parent, , content] = frames.slice(delimiterAt)
  const dated = typeof date === 'string' ? asFrame({ ...reply.header, date }) : header!
  return Envelope.cut([delimiter!, signature!, dated, parent!, asFrame(metadata), content!, ...buffers])!
}

function asFrame(value: object): Frame {
  return Buffer.from(JSON.stringify(value))
}
