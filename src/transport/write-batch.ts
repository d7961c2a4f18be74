import type { Queue } from '../base/queue.ts'
import { FRAME_OVERHEAD_BYTES } from './link.ts'
import { frameBytes, morePieces } from './pieces.ts'
import type { Message } from './socket.ts'
import { FLAG_LONG, FLAG_MORE } from './state/frame-decoder.ts'

/** Frames up to this length are copied into the batch's own buffer: cheaper than one more piece in the system call. */
const COPY_BYTES_MAX = 4096
/** About this much goes out in one system call; what is more waits for the next. */
const BATCH_BYTES_MAX = 512 * 1024
const SLAB_BYTES = 65_536
const SLABS_KEPT = 16
const LONG_HEADER_BYTES = 9

/**
 * A block that the batches of all connections of this thread lie in, one behind the other: with a thousand connections
 * that write a little in one turn, a block for each would be 64 MiB of fresh memory a turn.
 */
class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  at = 0
  /** Batches that lie in it and are not written yet. */
  users = 0
}

/** The block that is being filled. */
let current: Slab | undefined
/** Blocks that no write uses at the moment. */
const spareSlabs: Slab[] = []

function slabWithRoom(bytes: number): Slab {
  if (current === undefined || current.at + bytes > SLAB_BYTES) current = spareSlabs.pop() ?? new Slab()
  return current
}

function leave(slab: Slab): void {
  slab.users -= 1
  if (slab.users > 0) return
  slab.at = 0
  if (slab !== current && spareSlabs.length < SLABS_KEPT) spareSlabs.push(slab)
}

/** Encodes queued messages into few buffers. One per connection; at most one batch of it is being written. */
export class WriteBatch {
  /** What to write, in order. */
  pieces: Buffer[] = []
  /** What the batch counts for high-water marks, and how many messages it is. */
  bytes = 0
  messages = 0
  readonly #slabs: Slab[] = []
  #slab: Slab | undefined
  #from = 0

  /** Moves whole messages from the queue into the batch until it is empty or the batch is large. */
  fill(queue: Queue<Message>): void {
    while (this.bytes < BATCH_BYTES_MAX) {
      const message = queue.shift()
      if (message === undefined) break
      this.#encode(message, message.length - 1)
      this.messages += 1
    }
    this.#endPiece()
    // The next to write, which may be another connection, goes on from here.
    this.#slab = undefined
  }

  /** Begins a message: the frames before its last one, which is `size` bytes long and follows in pieces. */
  begin(head: Message, size: number): void {
    this.#encode(head, head.length)
    this.#reserve(LONG_HEADER_BYTES)
    this.#writeHeader(size, 0)
    this.bytes += FRAME_OVERHEAD_BYTES
    this.#endPiece()
    this.#slab = undefined
  }

  /** Goes on with the message that was begun. */
  goOn(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.pieces.push(piece)
      this.bytes += piece.length
    }
  }

  /** The batch was written: its buffers may be used again. */
  release(): void {
    for (const slab of this.#slabs) leave(slab)
    this.#slabs.length = 0
    this.pieces = []
    this.bytes = 0
    this.messages = 0
  }

  /** @param last - index of the message's last frame, be it not among these. */
  #encode(message: Message, last: number): void {
    for (let i = 0; i < message.length; i++) {
      const frame = message[i]!
      const size = frameBytes(frame)
      const more = i < last ? FLAG_MORE : 0
      const copied = size <= COPY_BYTES_MAX
      this.#reserve(copied ? LONG_HEADER_BYTES + size : LONG_HEADER_BYTES)
      this.#writeHeader(size, more)
      if (copied) {
        const slab = this.#slab!
        slab.bytes.set(frame, slab.at)
        slab.at += size
      } else {
        this.#endPiece()
        this.pieces.push(frame)
        const more = frame[morePieces]
        if (more !== undefined) for (const piece of more) this.pieces.push(piece)
      }
      this.bytes += size + FRAME_OVERHEAD_BYTES
    }
  }

  #writeHeader(size: number, more: number): void {
    const slab = this.#slab!
    const { bytes, at } = slab
    if (size <= 255) {
      bytes[at] = more
      bytes[at + 1] = size
      slab.at += 2
      return
    }
    bytes[at] = more | FLAG_LONG
    bytes.writeUInt32BE(Math.floor(size / 0x1_0000_0000), at + 1)
    bytes.writeUInt32BE(size % 0x1_0000_0000, at + 5)
    slab.at += LONG_HEADER_BYTES
  }

  #reserve(bytes: number): void {
    if (this.#slab !== undefined && this.#slab.at + bytes <= SLAB_BYTES) return
    this.#endPiece()
    const slab = slabWithRoom(bytes)
    slab.users += 1
    this.#slabs.push(slab)
    this.#slab = slab
    this.#from = slab.at
  }

  #endPiece(): void {
    const slab = this.#slab
    if (slab === undefined || slab.at === this.#from) return
    this.pieces.push(slab.bytes.subarray(this.#from, slab.at))
    this.#from = slab.at
  }
}
