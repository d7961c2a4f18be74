import { RemoteProtocolError } from '../../errors.ts'

/** The error for bytes that are no pickle, or none that Python would write. */
export function malformedPickle(what: string, cause?: unknown): RemoteProtocolError {
  return new RemoteProtocolError(`a Python pickle cannot be read: ${what}`, { cause })
}

const NEWLINE = 0x0a
/** Python itself refuses decimal numbers of more digits than 4300 unless told otherwise. */
const DIGITS_MAX = 10_000

/** Reads the primitives of a pickle. Whatever the bytes are, it reads within them or throws RemoteProtocolError. */
export class PickleBytes {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    return this.#bytes[this.#skip(1)]!
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#skip(2))
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#skip(4))
  }

  int32(): number {
    return this.#bytes.readInt32LE(this.#skip(4))
  }

  /** A length; one that no frame can have is refused by whoever reads so much. */
  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.#skip(8)))
  }

  float(): number {
    return this.#bytes.readDoubleBE(this.#skip(8))
  }

  raw(length: number): Buffer {
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  text(length: number): string {
    return decodeText(this.raw(length))
  }

  /** A little-endian number in two's complement. */
  integer(length: number): number | bigint {
    const bytes = this.raw(length)
    if (length === 0) return 0
    if (length <= 6) return bytes.readIntLE(0, length)
    const magnitude = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
    const isNegative = bytes[length - 1]! >= 0x80
    return inRange(isNegative ? magnitude - (1n << BigInt(length * 8)) : magnitude)
  }

  /** Everything up to the next newline, a character a byte. */
  line(): string {
    return this.#line().toString('latin1')
  }

  /** Everything up to the next newline, as text. */
  textLine(): string {
    return decodeText(this.#line())
  }

  #line(): Buffer {
    const end = this.#bytes.indexOf(NEWLINE, this.#at)
    if (end === -1) throw malformedPickle('a line does not end')
    const line = this.raw(end - this.#at)
    this.#at += 1
    return line
  }

  #skip(length: number): number {
    const start = this.#at
    if (!(length <= this.left)) throw malformedPickle('it ends in the middle of a value')
    this.#at = start + length
    return start
  }
}

/** A whole number as JavaScript has it: a bigint only where a number would not be exact. */
export function inRange(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

/** A decimal whole number, with the `L` that Python 2 put behind it. */
export function parseInteger(text: string): number | bigint {
  const digits = text.endsWith('L') ? text.slice(0, -1) : text
  if (!/^[+-]?\d+$/.test(digits) || digits.length > DIGITS_MAX)
    throw malformedPickle(`${JSON.stringify(digits.slice(0, 40))} is no whole number`)
  return inRange(BigInt(digits))
}

/** Python's text is UTF-8 in which lone surrogates may stand, which UTF-8 proper forbids. */
function decodeText(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? decodeWithSurrogates(bytes) : text
}

function decodeWithSurrogates(bytes: Buffer): string {
  let text = ''
  let from = 0
  for (let at = 0; at + 2 < bytes.length; at++) {
    // ED A0 80 to ED BF BF: the three bytes of a surrogate.
    if (bytes[at] !== 0xed || bytes[at + 1]! < 0xa0) continue
    text += strictText(bytes.subarray(from, at))
    text += String.fromCharCode(0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f))
    at += 2
    from = at + 1
  }
  return text + strictText(bytes.subarray(from))
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function strictText(bytes: Buffer): string {
  try {
    return strict.decode(bytes)
  } catch (cause) {
    throw malformedPickle('a text is not UTF-8', cause)
  }
}
