import { UsageError } from '../errors.ts'

const IDENTITY_BYTES_MAX = 255

/**
 * A socket's own name as it goes over the wire; empty where it has none.
 *
 * @throws UsageError when it is too long, or begins with a zero byte, which marks the names that ROUTERs make
 */
export function socketIdentity(identity: string | Uint8Array | undefined): Buffer {
  const bytes = Buffer.from(identity ?? '')
  if (bytes.length > IDENTITY_BYTES_MAX || bytes[0] === 0) {
    throw new UsageError('a socket identity has 1 to 255 bytes and does not begin with a zero byte')
  }
  return bytes
}
