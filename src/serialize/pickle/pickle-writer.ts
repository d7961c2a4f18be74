import { ByteWriter } from '../byte-writer.ts'
import { Op } from './opcodes.ts'

const LONE_SURROGATE = /\p{Surrogate}/u

/** Writes the pieces that pickles are made of. */
export class PickleWriter {
  readonly #out = new ByteWriter()

  begin(): void {
    this.#out.reset()
    this.op(Op.PROTO)
    this.op(4)
  }

  /** The pickle, as a buffer of its own. */
  end(): Buffer {
    this.op(Op.STOP)
    return this.#out.take()
  }

  op(code: number): void {
    this.#out.byte(code)
  }

  /** A whole number that is exact is an int over there, every other a float. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.#float(value)
    else if (value >= 0 && value < 256) {
      this.op(Op.BININT1)
      this.op(value)
    } else if (value >= 0 && value < 65_536) {
      this.op(Op.BININT2)
      this.op(value & 0xff)
      this.op(value >> 8)
    } else if (value >= -(2 ** 31) && value < 2 ** 31) {
      this.op(Op.BININT)
      this.uint32(value >>> 0)
    } else this.long(BigInt(value))
  }

  /** Little-endian two's complement, in as few bytes as keep the sign. */
  long(value: bigint): void {
    const magnitude = value < 0n ? -value - 1n : value
    const length = value === 0n ? 0 : (magnitude.toString(16).length >> 1) + 1
    const bits = length * 8
    const hex = BigInt.asUintN(bits, value)
      .toString(16)
      .padStart(length * 2, '0')
    let bytes = Buffer.from(length === 0 ? '' : hex, 'hex').reverse()
    // The estimate may have one byte too many.
    const last = bytes.at(-1)
    const before = bytes.at(-2)
    if (last !== undefined && before !== undefined && last === (before >= 0x80 ? 0xff : 0))
      bytes = bytes.subarray(0, -1)
    if (bytes.length < 256) {
      this.op(Op.LONG1)
      this.op(bytes.length)
    } else {
      this.op(Op.LONG4)
      this.uint32(bytes.length)
    }
    this.#out.raw(bytes)
  }

  #float(value: number): void {
    this.op(Op.BINFLOAT)
    this.#out.reserve(8)
    this.#out.position = this.#out.bytes.writeDoubleBE(value, this.#out.position)
  }

  text(value: string): void {
    const bytes = LONE_SURROGATE.test(value) ? encodeSurrogates(value) : Buffer.from(value, 'utf8')
    this.#sized(bytes, Op.SHORT_BINUNICODE, Op.BINUNICODE, Op.BINUNICODE8)
  }

  #sized(bytes: Uint8Array, short: number, long: number, longest: number): void {
    const { length } = bytes
    if (length < 256) {
      this.op(short)
      this.op(length)
    } else if (length < 2 ** 32) {
      this.op(long)
      this.uint32(length)
    } else {
      this.op(longest)
      this.#out.reserve(8)
      this.#out.position = this.#out.bytes.writeBigUInt64LE(BigInt(length), this.#out.position)
    }
    this.#out.raw(bytes)
  }

  uint32(value: number): void {
    this.#out.reserve(4)
    this.#out.position = this.#out.bytes.writeUInt32LE(value, this.#out.position)
  }

  bytes(bytes: Uint8Array): void {
    this.#sized(bytes, Op.SHORT_BINBYTES, Op.BINBYTES, Op.BINBYTES8)
  }

  global(module: string, name: string): void {
    this.text(module)
    this.text(name)
    this.op(Op.STACK_GLOBAL)
  }
}

/** UTF-8 with lone surrogates as three bytes each, as Python's `surrogatepass` has it. */
function encodeSurrogates(text: string): Buffer {
  const parts = [...text].map(character => {
    const code = character.codePointAt(0)!
    if (code < 0xd800 || code > 0xdfff) return Buffer.from(character, 'utf8')
    return Buffer.from([0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
  })
  return Buffer.concat(parts)
}
