import type { Frame } from '../transport/socket.ts'
import type { ByteReader } from './byte-reader.ts'
import { malformed } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Encoder } from './encoder.ts'
import { BUFFER_VIEW, BufferForm, OUT_OF_BAND_BYTES_MIN, Tag, VIEW_TYPES } from './tags.ts'

const ALIGNMENT = 8
/** One byte of flags and a double. */
const SLOT_BYTES = 9

/** An array buffer that travels as a frame: no more of it than the views in the payload show. */
export class OutOfBand {
  readonly #buffer: ArrayBuffer
  readonly #slotAt: number
  #start = Number.POSITIVE_INFINITY
  #end = 0
  #elementBytes = 1
  #whole = false

  constructor(buffer: ArrayBuffer, slotAt: number) {
    this.#buffer = buffer
    this.#slotAt = slotAt
  }

  is(buffer: ArrayBuffer): boolean {
    return this.#buffer === buffer
  }

  get buffer(): ArrayBuffer {
    return this.#buffer
  }

  /** A view shows these bytes. */
  show(offset: number, bytes: number, elementBytes: number): void {
    this.#start = Math.min(this.#start, offset)
    this.#end = Math.max(this.#end, offset + bytes)
    this.#elementBytes = Math.max(this.#elementBytes, elementBytes)
  }

  /** The array buffer itself is in the payload: all of it must be there, and no more. */
  showWhole(): void {
    this.#whole = true
    this.#start = 0
    this.#end = this.#buffer.byteLength
  }

  /** Fills the slot and gives the frame, by reference. */
  close(out: ByteWriter): Frame {
    // Kept at a multiple of 8, so that what was aligned here can be aligned there.
    const start = this.#start - (this.#start % ALIGNMENT)
    out.bytes[this.#slotAt] = (this.#whole ? 0x80 : 0) | this.#elementBytes
    out.doubleAt(this.#slotAt + 1, start)
    return Buffer.from(this.#buffer, start, Math.max(0, this.#end - start))
  }
}

function elementBytesOf(view: ArrayBufferView): number {
  return 'BYTES_PER_ELEMENT' in view ? (view.BYTES_PER_ELEMENT as number) : 1
}

function lengthOf(view: ArrayBufferView): number {
  return view.byteLength / elementBytesOf(view)
}

export function encodeView(encoder: Encoder, view: ArrayBufferView): void {
  const { out } = encoder
  const { buffer, byteOffset, byteLength } = view
  if (!(buffer instanceof ArrayBuffer) && Object.prototype.toString.call(buffer) !== '[object ArrayBuffer]')
    throw encoder.path.refuse(
      'it shows shared memory, which no other process can share',
      'Send a copy: new Float64Array(shared)',
    )
  out.byte(Tag.view)
  out.byte(Buffer.isBuffer(view) ? BUFFER_VIEW : viewTypeOf(view))
  // Small Buffers share node's pool by accident: they take their own bytes along and leave the strangers' behind.
  const pooled =
    Buffer.isBuffer(view) && buffer.byteLength === Buffer.poolSize && byteLength < Buffer.poolSize
  out.count(pooled ? 0 : byteOffset)
  out.count(lengthOf(view))
  if (pooled) {
    out.byte(BufferForm.inline)
    // Numbered like every other buffer, though nothing can refer to it.
    encoder.buffers.push(new OutOfBand(new ArrayBuffer(0), 0))
    out.count(byteLength)
    out.raw(view)
  } else encodeArrayBuffer(encoder, buffer as ArrayBuffer, view)
}

function viewTypeOf(view: ArrayBufferView): number {
  const name = Object.prototype.toString.call(view).slice('[object '.length, -1)
  return VIEW_TYPES.findIndex(type => type.name === name)
}

/** @param view - what shows the buffer; without it, the buffer itself is the value. */
export function encodeArrayBuffer(encoder: Encoder, buffer: ArrayBuffer, view?: ArrayBufferView): void {
  const { out, buffers } = encoder
  if (isDetached(buffer))
    throw encoder.path.refuse('its memory was handed to another thread', 'Send it before you transfer it')
  const known = buffers.findIndex(entry => entry.is(buffer))
  const entry = known === -1 ? new OutOfBand(buffer, out.position + 1) : (buffers[known] as OutOfBand)
  if (view === undefined) entry.showWhole()
  else entry.show(view.byteOffset, view.byteLength, elementBytesOf(view))
  if (known !== -1) {
    out.byte(BufferForm.ref)
    out.count(known)
    return
  }
  buffers.push(entry)
  if (buffer.byteLength < OUT_OF_BAND_BYTES_MIN) {
    out.byte(BufferForm.inline)
    out.count(buffer.byteLength)
    out.raw(new Uint8Array(buffer))
    return
  }
  out.byte(BufferForm.frame)
  // Which frame it is follows from the order; flags and offset are filled in at the end.
  out.reserve(SLOT_BYTES)
  out.position += SLOT_BYTES
  encoder.frames.push(entry)
}

/** Only empty ones can be, and few are: a view of nothing tells. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false
  try {
    return new Uint8Array(buffer).length > 0
  } catch {
    return true
  }
}

/** A buffer as it came: bytes of a frame, and where they began in the original. */
class Received {
  readonly #bytes: Uint8Array
  readonly #start: number
  #own: ArrayBuffer | undefined

  constructor(bytes: Uint8Array, start: number, whole: boolean, elementBytes: number) {
    this.#bytes = bytes
    this.#start = start
    const exact = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    if ((whole && !exact) || bytes.byteOffset % elementBytes !== 0) this.#own = copyOf(bytes)
  }

  view(type: number, offset: number, length: number): ArrayBufferView {
    const at = offset - this.#start
    const elementBytes =
      type === BUFFER_VIEW ? 1 : ((VIEW_TYPES[type] as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1)
    if (at < 0 || at + length * elementBytes > this.#bytes.byteLength)
      throw malformed('a view shows more than its buffer holds')
    const buffer = this.#own ?? (this.#bytes.buffer as ArrayBuffer)
    const start = (this.#own === undefined ? this.#bytes.byteOffset : 0) + at
    if (start % elementBytes !== 0) throw malformed('a view begins between two elements')
    if (type === BUFFER_VIEW) return Buffer.from(buffer, start, length)
    const View = VIEW_TYPES[type] as new (
      buffer: ArrayBuffer,
      start: number,
      length: number,
    ) => ArrayBufferView
    return new View(buffer, start, length)
  }

  get arrayBuffer(): ArrayBuffer {
    return this.#own ?? (this.#bytes.buffer as ArrayBuffer)
  }
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength)
  copy.set(bytes)
  return copy.buffer
}

/** The array buffers of one payload while it is read. */
export class ReceivedBuffers {
  readonly #received: Received[] = []
  readonly #nextFrame: () => Frame

  constructor(nextFrame: () => Frame) {
    this.#nextFrame = nextFrame
  }

  view(reader: ByteReader): ArrayBufferView {
    const type = reader.byte()
    if (type > BUFFER_VIEW) throw malformed('a view of an unknown type')
    const offset = reader.count()
    const length = reader.count()
    return this.#buffer(reader).view(type, offset, length)
  }

  arrayBuffer(reader: ByteReader): ArrayBuffer {
    return this.#buffer(reader).arrayBuffer
  }

  #buffer(reader: ByteReader): Received {
    const form = reader.byte()
    if (form === BufferForm.ref) {
      const known = this.#received[reader.count()]
      if (known === undefined) throw malformed('an array buffer that is not there')
      return known
    }
    const received = form === BufferForm.inline ? this.#inline(reader) : this.#framed(reader, form)
    this.#received.push(received)
    return received
  }

  #inline(reader: ByteReader): Received {
    const copy = new Uint8Array(copyOf(reader.raw(reader.countOf(1))))
    return new Received(copy, 0, true, 1)
  }

  #framed(reader: ByteReader, form: number): Received {
    if (form !== BufferForm.frame) throw malformed('an array buffer in an unknown form')
    const flags = reader.byte()
    const start = reader.double()
    const elementBytes = flags & 0x7f
    if (![1, 2, 4, 8].includes(elementBytes) || !Number.isSafeInteger(start) || start < 0)
      throw malformed('an array buffer with impossible measures')
    return new Received(this.#nextFrame(), start, flags >= 0x80, elementBytes)
  }
}
