const SLAB_BYTES = 65_536
/** With less room than this a read would come in too many pieces. */
const ROOM_BYTES_MIN = 16_384

/**
 * Where a connection's next read goes: straight into the frame that is being received where there is one, and else
 * into a slab that the frames read into it then share.
 */
export class ReadBuffer {
  #slab = Buffer.alloc(0)
  #at = 0
  #hole: Buffer | undefined

  /** The place for the next read. */
  next(hole: Buffer | undefined): Buffer {
    this.#hole = hole
    if (hole !== undefined) return hole
    if (this.#slab.length - this.#at < ROOM_BYTES_MIN) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#at = 0
    }
    return this.#at === 0 ? this.#slab : this.#slab.subarray(this.#at)
  }

  /** What `count` bytes just read are: a piece of the slab, or undefined where they went straight into the frame. */
  take(count: number): Buffer | undefined {
    if (this.#hole !== undefined) return undefined
    const bytes = this.#slab.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }
}
