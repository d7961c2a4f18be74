import { RemoteProtocolError } from '../errors.ts'

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/** Reads the primitives of the format. Whatever the bytes are, it reads within them or throws RemoteProtocolError. */
export class ByteReader {
  readonly bytes: Buffer
  position = 0

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes
    this.position = position
  }

  get left(): number {
    return this.bytes.length - this.position
  }

  byte(): number {
    const value = this.bytes[this.position++]
    if (value === undefined) throw malformed('it ends in the middle of a value')
    return value
  }

  count(): number {
    let value = this.byte()
    if (value < 0x80) return value
    value &= 0x7f
    for (let scale = 0x80; ; scale *= 0x80) {
      const next = this.byte()
      value += (next & 0x7f) * scale
      if (!Number.isSafeInteger(value)) throw malformed('a count is too large')
      if (next < 0x80) return value
    }
  }

  /** A count of things that take at least `bytesEach` bytes here: what cannot be there is not allocated for. */
  countOf(bytesEach: number): number {
    const count = this.count()
    if (count * bytesEach > this.left) throw malformed('it announces more than it holds')
    return count
  }

  double(): number {
    this.need(8)
    for (let i = 0; i < 8; i++) doubleBytes[i] = this.bytes[this.position + i] as number
    this.position += 8
    return double[0] as number
  }

  raw(length: number): Buffer {
    this.need(length)
    const start = this.position
    this.position += length
    return this.bytes.subarray(start, this.position)
  }

  ascii(): string {
    const length = this.count()
    this.need(length)
    const start = this.position
    this.position += length
    if (length >= 16) return this.bytes.toString('latin1', start, this.position)
    let text = ''
    for (let i = start; i < this.position; i++) text += String.fromCharCode(this.bytes[i]!)
    return text
  }

  utf16(): string {
    const length = this.countOf(2)
    const start = this.position
    this.position += length * 2
    return this.bytes.toString('utf16le', start, this.position)
  }

  need(bytes: number): void {
    if (bytes > this.left) throw malformed('it ends in the middle of a value')
  }
}

export function malformed(why: string, cause?: unknown): RemoteProtocolError {
  return new RemoteProtocolError(`a payload cannot be read: ${why}`, { cause })
}
