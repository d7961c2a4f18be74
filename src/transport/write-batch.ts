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

/** Buffers that no write uses at the moment, shared by all connections of this thread. */
const spareSlabs: Buffer[] = []

/** Encodes queued messages into few buffers. One per connection; at most one batch of it is being written. */
export class WriteBatch {
  /** What to write, in order. */
  pieces: Buffer[] = []
  /** What the batch counts for high-water marks, and how many messages it is. */
  bytes = 0
  messages = 0
  readonly #slabs: Buffer[] = []
  #slab: Buffer | undefined
  #from = 0
  #at = 0

  /** Moves whole messages from the queue into the batch until it is empty or the batch is large. */
  fill(queue: Queue<Message>): void {
    while (this.bytes < BATCH_BYTES_MAX) {
      const message = queue.shift()
      if (message === undefined) break
      this.#encode(message)
      this.messages += 1
    }
    this.#endPiece()
  }

  /** The batch was written: its buffers may be used again. */
  release(): void {
    for (const slab of this.#slabs) if (spareSlabs.length < SLABS_KEPT) spareSlabs.push(slab)
    this.#slabs.length = 0
    this.#slab = undefined
    this.pieces = []
    this.bytes = 0
    this.messages = 0
  }

  #encode(message: Message): void {
    const last = message.length - 1
    for (let i = 0; i <= last; i++) {
      const frame = message[i]!
      const size = frameBytes(frame)
      const more = i < last ? FLAG_MORE : 0
      const copied = size <= COPY_BYTES_MAX
      this.#reserve(copied ? LONG_HEADER_BYTES + size : LONG_HEADER_BYTES)
      const slab = this.#slab!
      if (size <= 255) {
        slab[this.#at] = more
        slab[this.#at + 1] = size
        this.#at += 2
      } else {
        slab[this.#at] = more | FLAG_LONG
        slab.writeUInt32BE(Math.floor(size / 0x1_0000_0000), this.#at + 1)
        slab.writeUInt32BE(size % 0x1_0000_0000, this.#at + 5)
        this.#at += LONG_HEADER_BYTES
      }
      if (copied) {
        slab.set(frame, this.#at)
        this.#at += size
      } else {
        this.#endPiece()
        this.pieces.push(frame)
        const more = frame[morePieces]
        if (more !== undefined) for (const piece of more) this.pieces.push(piece)
      }
      this.bytes += size + FRAME_OVERHEAD_BYTES
    }
  }

  #reserve(bytes: number): void {
    if (this.#slab !== undefined && this.#at + bytes <= SLAB_BYTES) return
    this.#endPiece()
    this.#slab = spareSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#slabs.push(this.#slab)
    this.#from = 0
    this.#at = 0
  }

  #endPiece(): void {
    if (this.#slab === undefined || this.#at === this.#from) return
    this.pieces.push(this.#slab.subarray(this.#from, this.#at))
    this.#from = this.#at
  }
}
