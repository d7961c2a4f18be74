import { DELIMITER, Envelope, type Json } from '../protocol/envelope.ts'
import type { Message } from '../transport/socket.ts'

const NO_SIGNATURE = Buffer.alloc(0)

/** What the hub has of one request that has ended. */
export interface HubResult {
  readonly msgId: string
  readonly found: Json
  readonly buffers: Message
}

/** What the answer to a `result_request` holds; undefined when it does not say whose buffers are whose. */
export function readResults({ content, buffers }: Envelope): HubResult[] | undefined {
  const completed = content.completed as readonly string[]
  const lengths = content.buffer_lens
  if (!Array.isArray(lengths) && completed.length > 1) return undefined
  let at = 0
  return completed.map((msgId, i) => {
    const end = Array.isArray(lengths) ? at + Number(lengths[i]) : buffers.length
    const result = { msgId, found: content[msgId] as Json, buffers: buffers.slice(at, end) }
    at = end
    return result
  })
}

/** Those that it calls pending though they were answered: their output is still under way to the hub. */
export function readTrailing({ content }: Envelope): readonly string[] {
  const { trailing } = content
  return Array.isArray(trailing) ? trailing.filter(id => typeof id === 'string') : []
}

/** The reply of which the hub kept the parts. */
export function replyOf(found: Json, buffers: Message): Envelope {
  const { header, result_header: own, result_metadata: metadata, result_content: content } = found
  const frames = [own, header, metadata, content].map(part => Buffer.from(JSON.stringify(part ?? {})))
  return Envelope.cut([DELIMITER, NO_SIGNATURE, ...frames, ...buffers])!
}
