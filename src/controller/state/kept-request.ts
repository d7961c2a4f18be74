/**
 * What is kept of a request to one engine, once it has been passed on: all of it, or, where it is large, all but its
 * buffers. A push of 64 MiB that is kept would make the controller fill fresh memory for the next one, which costs more
 * than passing it on; and nobody asks a hub for it.
 */

import type { Envelope } from '../../protocol/envelope.ts'
import { frameBytes } from '../../transport/pieces.ts'

const BUFFER_BYTES_MAX = 1 << 20

export function keptRequest(request: Envelope): Envelope {
  return bufferBytes(request) > BUFFER_BYTES_MAX ? request.withoutBuffers() : request
}

/** Bytes of a message behind its signed parts. */
export function bufferBytes(message: Envelope): number {
  let bytes = 0
  for (const buffer of message.buffers) bytes += frameBytes(buffer)
  return bytes
}
