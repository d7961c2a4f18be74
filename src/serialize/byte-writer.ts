const FIRST_BYTES = 64 * 1024
/** A buffer that grew beyond this for one payload is not kept for the next. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024

/** Writes the primitives of the format one after the other into memory that it keeps and grows. */
export class ByteWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  position = 0
  readonly #double = new Float64Array(1)
  readonly #doubleBytes = new Uint8Array(this.#double.buffer)

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.position + bytes <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.position + bytes))
    this.bytes.copy(grown, 0, 0, this.position)
    this.bytes = grown
  }

  byte(value: number): void {
    if (this.position === this.bytes.length) this.reserve(1)
    this.bytes[this.position++] = value
  }

  /** An unsigned integer up to 2^53, in as few bytes as it needs. */
  count(value: number): void {
    this.reserve(8)
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.position++] = rest
  }

  double(value: number): void {
    this.reserve(8)
    this.doubleAt(this.position, value)
    this.position += 8
  }

  /** Fills in a double for which room was left. */
  doubleAt(position: number, value: number): void {
    this.#double[0] = value
    for (let i = 0; i < 8; i++) this.bytes[position + i] = this.#doubleBytes[i]!
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.position)
    this.position += bytes.length
  }

  /** Text with its tag: `ascii` or `utf16`, which keeps lone surrogates. */
  text(value: string, ascii: number, utf16: number): void {
    const { length } = value
    this.reserve(length + 10)
    if (length < 24 ? this.#shortAscii(value, ascii) : this.#longAscii(value, ascii)) return
    this.byte(utf16)
    this.count(length)
    this.reserve(length * 2)
    this.position += this.bytes.write(value, this.position, 'utf16le')
  }

  /** Calls into C++ cost more than writing a few characters by hand. */
  #shortAscii(value: string, tag: number): boolean {
    const { bytes, position } = this
    const { length } = value
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[position + 2 + i] = code
    }
    bytes[position] = tag
    bytes[position + 1] = length
    this.position = position + 2 + length
    return true
  }

  #longAscii(value: string, tag: number): boolean {
    if (Buffer.byteLength(value, 'utf8') !== value.length) return false
    this.byte(tag)
    this.count(value.length)
    this.reserve(value.length)
    this.position += this.bytes.write(value, this.position, 'latin1')
    return true
  }

  /** What was written, as a buffer of its own; the writer is ready for the next payload. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.position)
    this.bytes.copy(taken, 0, 0, this.position)
    this.reset()
    return taken
  }

  reset(): void {
    this.position = 0
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }
}
