/**
 * Cuts a stream of bytes into ZMTP frames, and frames into messages.
 *
 * It knows neither handshake nor socket types: whole messages and commands go to a `FrameSink`. Its invariants:
 *
 * 1. A frame that lies whole in one chunk is a view of that chunk, never a copy.
 * 2. A frame that does not is copied once at most, as it arrives, and at most `TRUSTED_BYTES` of it twice.
 * 3. Until `TRUSTED_BYTES` of a frame have arrived, at most `RESERVE_FACTOR` times what is there is set aside for it (or
 *    `RESERVE_AT_ONCE_BYTES`); then all of it, which the system backs with memory only where it is written.
 *    A large frame that may stay in pieces sets nothing aside and is never copied.
 * 4. Where the stream is cut into chunks changes nothing about what is delivered.
 * 5. After a violation nothing is delivered any more.
 */
import { frameBytes, frameOf, PIECES_BYTES_MIN } from '../pieces.ts'
import type { Frame } from '../socket.ts'

/** What one peer may make us keep. */
export interface FrameLimits {
  readonly frameBytesMax: number
  readonly messageFramesMax: number
  readonly messageBytesMax: number
  readonly commandBytesMax: number
}

/** Who takes what was decoded. A text as answer is a violation: decoding stops for good. */
export interface FrameSink {
  message(frames: Frame[]): string | undefined
  command(body: Frame): string | undefined
}

/** The large frame that ends a message, while it is still coming in. */
export interface GrowingFrame {
  /** The frames before it, whole. */
  readonly head: readonly Frame[]
  readonly size: number
  /** What is there of it: the list grows, and its first piece is the frame that is delivered in the end. */
  readonly pieces: readonly Buffer[]
  readonly bytes: number
}

export const FLAG_MORE = 1
export const FLAG_LONG = 2
export const FLAG_COMMAND = 4

const SHORT_HEADER_BYTES = 2
const LONG_HEADER_BYTES = 9
const RESERVE_AT_ONCE_BYTES = 65_536
const RESERVE_FACTOR = 16
const TRUSTED_BYTES = 1024 * 1024
/** A smaller rest is better read together with what follows it. */
const HOLE_BYTES_MIN = 65_536
const EMPTY: Frame = Buffer.alloc(0)
const NO_MEMORY = 'a frame for which there is no memory'
const TOO_EARLY = 'a message before READY'

export class FrameDecoder {
  /** Until the handshake is done a peer may send commands only. */
  commandsOnly = true
  readonly #limits: FrameLimits
  readonly #sink: FrameSink
  readonly #mayStayInPieces: boolean
  /** Frames of the message that is being received. */
  #frames: Frame[] = []
  #messageBytes = 0
  /** The first bytes of a header that was cut by the end of a chunk. */
  readonly #header = Buffer.alloc(LONG_HEADER_BYTES)
  #headerBytes = 0
  /** The frame that was cut by the end of a chunk: its flags, its length, and what is there of it. */
  #flags = 0
  #size = -1
  #body: Buffer = EMPTY
  #bodyBytes = 0
  #pieces: Buffer[] = []

  constructor(limits: FrameLimits, sink: FrameSink, mayStayInPieces = false) {
    this.#limits = limits
    this.#sink = sink
    this.#mayStayInPieces = mayStayInPieces
  }

  /** Whether a message has begun and not ended. */
  get inMessage(): boolean {
    return this.#frames.length > 0 || this.#headerBytes > 0 || this.#size >= 0
  }

  /** The last frame of the message that is being received, when it is as large as this and may stay in pieces. */
  growing(bytesMin: number): GrowingFrame | undefined {
    if (this.#size < bytesMin || !this.#mayStayInPieces) return undefined
    if ((this.#flags & (FLAG_MORE | FLAG_COMMAND)) !== 0) return undefined
    return { head: this.#frames, size: this.#size, pieces: this.#pieces, bytes: this.#bodyBytes }
  }

  /**
   * Where the next bytes of the stream belong, when they are the rest of a large frame: whoever reads may put them
   * there himself and say so by `filled`.
   */
  get hole(): Buffer | undefined {
    if (this.#size < 0 || this.#body.length - this.#bodyBytes < HOLE_BYTES_MIN) return undefined
    return this.#body.subarray(this.#bodyBytes)
  }

  /** The first `count` bytes of the hole were written. @returns as `decode` does */
  filled(count: number): string | undefined {
    this.#bodyBytes += count
    return this.#bodyBytes < this.#size ? undefined : this.#finishCut()
  }

  /** Takes the next bytes of the stream. @returns what the peer did wrong, if it did. */
  decode(chunk: Buffer): string | undefined {
    let at = 0
    if (this.#headerBytes > 0) {
      at = this.#fillHeader(chunk)
      if (at < 0) return undefined
      const violation = this.#begin(this.#header[0]!, frameSize(this.#header, 0))
      if (violation !== undefined) return violation
    }
    if (this.#size >= 0) {
      at = this.#fill(chunk, at)
      if (at < 0) return NO_MEMORY
      if (this.#bodyBytes < this.#size) return undefined
      const violation = this.#finishCut()
      if (violation !== undefined) return violation
    }
    return this.#decodeWhole(chunk, at)
  }

  /** The hot loop: every frame that lies whole in the chunk. */
  #decodeWhole(chunk: Buffer, from: number): string | undefined {
    const end = chunk.length
    let at = from
    while (at < end) {
      const flags = chunk[at]!
      const long = (flags & FLAG_LONG) !== 0
      const bodyAt = at + (long ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES)
      if (bodyAt > end) return this.#cutHeader(chunk, at)
      const size = long ? frameSize(chunk, at) : chunk[at + 1]!
      at = bodyAt + size
      if (at > end) {
        const violation = this.#begin(flags, size)
        if (violation !== undefined) return violation
        return this.#fill(chunk, bodyAt) < 0 ? NO_MEMORY : undefined
      }
      const frame = size === 0 ? EMPTY : chunk.subarray(bodyAt, at)
      const violation = this.#take(flags, frame)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #take(flags: number, frame: Frame): string | undefined {
    if ((flags & FLAG_COMMAND) !== 0) {
      if (frame.length > this.#limits.commandBytesMax) return `a command of ${frame.length} bytes`
      return this.#sink.command(frame)
    }
    if (this.commandsOnly) return TOO_EARLY
    const frames = this.#frames
    frames.push(frame)
    const bytes = frameBytes(frame)
    this.#messageBytes += bytes
    if (bytes > this.#limits.frameBytesMax) return `a frame of ${bytes} bytes`
    if (frames.length > this.#limits.messageFramesMax)
      return `a message of more than ${frames.length - 1} frames`
    if (this.#messageBytes > this.#limits.messageBytesMax)
      return `a message of more than ${this.#limits.messageBytesMax} bytes`
    if ((flags & FLAG_MORE) !== 0) return undefined
    this.#frames = []
    this.#messageBytes = 0
    return this.#sink.message(frames)
  }

  #cutHeader(chunk: Buffer, at: number): undefined {
    this.#headerBytes = chunk.copy(this.#header, 0, at)
    return undefined
  }

  /** @returns where the body begins in `chunk`, or -1 while the header is not complete. */
  #fillHeader(chunk: Buffer): number {
    const wanted = (this.#header[0]! & FLAG_LONG) !== 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES
    const taken = chunk.copy(this.#header, this.#headerBytes, 0, wanted - this.#headerBytes)
    this.#headerBytes += taken
    if (this.#headerBytes < wanted) return -1
    this.#headerBytes = 0
    return taken
  }

  /** Begins a frame that is not whole in its chunk. What it announces is checked before anything is kept for it. */
  #begin(flags: number, size: number): string | undefined {
    if ((flags & FLAG_COMMAND) !== 0) {
      if (size > this.#limits.commandBytesMax) return `a command of ${size} bytes`
    } else {
      if (this.commandsOnly) return TOO_EARLY
      if (size > this.#limits.frameBytesMax) return `a frame of ${size} bytes`
      if (this.#messageBytes + size > this.#limits.messageBytesMax) {
        return `a message of more than ${this.#limits.messageBytesMax} bytes`
      }
    }
    this.#flags = flags
    this.#size = size
    this.#bodyBytes = 0
    return undefined
  }

  /** Moves bytes of the cut frame out of `chunk`. @returns where the next frame begins, or -1 without memory for it. */
  #fill(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#size - this.#bodyBytes)
    const arrived = this.#bodyBytes + end - at
    if (this.#mayStayInPieces && this.#size >= PIECES_BYTES_MIN) {
      if (end > at) this.#pieces.push(chunk.subarray(at, end))
      this.#bodyBytes = arrived
      return end
    }
    if (arrived > this.#body.length && !this.#reserve(arrived)) return -1
    chunk.copy(this.#body, this.#bodyBytes, at, end)
    this.#bodyBytes = arrived
    return end
  }

  /** Makes room for a frame of which `arrived` bytes are there. Invariant 3. */
  #reserve(arrived: number): boolean {
    const room =
      arrived >= TRUSTED_BYTES
        ? this.#size
        : Math.min(this.#size, Math.max(RESERVE_AT_ONCE_BYTES, arrived * RESERVE_FACTOR))
    try {
      const body = room < RESERVE_AT_ONCE_BYTES ? Buffer.allocUnsafe(room) : Buffer.allocUnsafeSlow(room)
      this.#body.copy(body, 0, 0, this.#bodyBytes)
      this.#body = body
      return true
    } catch {
      return false
    }
  }

  #finishCut(): string | undefined {
    const body = this.#pieces.length > 0 ? frameOf(this.#pieces) : this.#body
    this.#size = -1
    this.#body = EMPTY
    this.#pieces = []
    return this.#take(this.#flags, body)
  }
}

function frameSize(bytes: Buffer, at: number): number {
  if ((bytes[at]! & FLAG_LONG) === 0) return bytes[at + 1]!
  // Above 2^53 it is no longer exact, but then it is over every limit anyway.
  return bytes.readUInt32BE(at + 1) * 0x1_0000_0000 + bytes.readUInt32BE(at + 5)
}
