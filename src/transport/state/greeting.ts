/**
 * The first 64 bytes of a connection: signature (`ff`, 8 bytes of anything, `7f`), version, mechanism, role, filler.
 * Follows RFC 23 (ZMTP 3.0) and RFC 37 (ZMTP 3.1).
 */

export const GREETING_BYTES = 64

const SIGNATURE_END_AT = 9
const MAJOR_AT = 10
const MINOR_AT = 11
const MECHANISM_AT = 12
const MECHANISM_END_AT = 32

const MECHANISM_NULL = Buffer.alloc(MECHANISM_END_AT - MECHANISM_AT)
MECHANISM_NULL.write('NULL')

/** What we send: version 3.1, mechanism NULL. It is written in one piece, since libzmq waits for parts of it. */
export const GREETING: Buffer = makeGreeting()

function makeGreeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES)
  bytes[0] = 0xff
  bytes[SIGNATURE_END_AT - 1] = 1
  bytes[SIGNATURE_END_AT] = 0x7f
  bytes[MAJOR_AT] = 3
  bytes[MINOR_AT] = 1
  MECHANISM_NULL.copy(bytes, MECHANISM_AT)
  return bytes
}

/**
 * What is wrong with the first `length` bytes of a greeting, as early as it can be told: garbage is refused at its
 * first byte, and not kept until there are 64.
 */
export function greetingViolation(bytes: Buffer, length: number): string | undefined {
  if (length > 0 && bytes[0] !== 0xff) return 'no ZMTP greeting'
  if (length > SIGNATURE_END_AT && (bytes[SIGNATURE_END_AT]! & 1) === 0) return 'no ZMTP greeting'
  if (length > MAJOR_AT && bytes[MAJOR_AT]! < 3) return `a peer of ZMTP ${bytes[MAJOR_AT]}, which is too old`
  if (length >= MECHANISM_END_AT && !bytes.subarray(MECHANISM_AT, MECHANISM_END_AT).equals(MECHANISM_NULL)) {
    return 'another security mechanism than NULL'
  }
  return undefined
}

/** The minor version of the peer as far as it matters: 0 for 3.0, 1 for everything newer. */
export function greetingMinor(bytes: Buffer): 0 | 1 {
  return bytes[MAJOR_AT] === 3 && bytes[MINOR_AT] === 0 ? 0 : 1
}
