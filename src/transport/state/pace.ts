/**
 * How fast a large frame comes in: decides whether its rest will soon be here, so that a relay may begin to pass it on.
 *
 * What the system had gathered while we were busy comes much faster than the peer sends. So bytes count from a moment at
 * which nothing more was there to be read, or when more has come than will have gathered.
 */
import type { Millis } from '../../base/clock.ts'

/** So much must have come at the pace that is measured. */
const MEASURED_BYTES_MIN = 256 * 1024
/** The rest must be expected within this time. */
const REST_MS_MAX: Millis = 250
/** A read of less took all that was there. */
const READ_BYTES = 65_536
/** More than a slow peer sends while we are busy. */
const GATHERED_BYTES_MAX = 4 * 1024 * 1024

export class Pace {
  readonly #size: number
  readonly #firstMs: Millis
  /** When and with how many bytes counting began, once nothing more was there to be read. */
  #fromMs: Millis = Number.NaN
  #fromBytes = 0

  constructor(size: number, nowMs: Millis) {
    this.#size = size
    this.#firstMs = nowMs
  }

  /**
   * The frame has grown.
   *
   * @param readBytes - what came with this read.
   * @param bytes - what is there of the frame.
   * @returns whether the rest will soon be here
   */
  grew(readBytes: number, bytes: number, nowMs: Millis): boolean {
    if (Number.isNaN(this.#fromMs)) {
      if (readBytes >= READ_BYTES)
        return bytes >= GATHERED_BYTES_MAX && this.#isNear(bytes, this.#firstMs, nowMs, bytes)
      this.#fromMs = nowMs
      this.#fromBytes = bytes
      return false
    }
    const counted = bytes - this.#fromBytes
    return counted >= MEASURED_BYTES_MIN && this.#isNear(counted, this.#fromMs, nowMs, bytes)
  }

  #isNear(counted: number, sinceMs: Millis, nowMs: Millis, bytes: number): boolean {
    return ((this.#size - bytes) * (nowMs - sinceMs)) / counted <= REST_MS_MAX
  }
}
