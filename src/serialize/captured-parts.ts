import type { Frame } from '../transport/socket.ts'
import type { OutOfBand } from './array-buffers.ts'
import {
  type Origin,
  SENT_ONCE_BYTES_MAX,
  SENT_ONCE_BYTES_MIN,
  SentBefore,
  type SentOnce,
  variableOf,
} from './sent-once.ts'
import { withhold } from './withheld.ts'

interface Range {
  readonly start: number
  readonly end: number
  readonly origin: Origin
}

const BUNDLE_BYTES_MIN = 512

/** What this process has sent so far, whichever encoder wrote it. */
const before = new SentBefore()

/** The parts of a payload that hold what functions capture, while it is written: candidates for being sent once. */
export class CapturedParts {
  readonly #ranges: Range[] = []
  readonly #frames = new Set<Frame | OutOfBand>()
  readonly #bundles = new Set<Frame | OutOfBand>()

  get isEmpty(): boolean {
    return this.#ranges.length === 0 && this.#frames.size === 0 && this.#bundles.size === 0
  }

  addRange(start: number, end: number, definition: object, name: string): void {
    if (end - start < SENT_ONCE_BYTES_MIN) return
    // What a captured function captures itself is a part of its own: the inner one is enough.
    const last = this.#ranges.at(-1)
    if (last !== undefined && last.end > start) return
    this.#ranges.push({ start, end, origin: variableOf(definition, name) })
  }

  addFrames(frames: readonly (Frame | OutOfBand)[], first: number): void {
    for (let i = first; i < frames.length; i++) this.#frames.add(frames[i]!)
  }

  /** Modules are worth it sooner: they come with every call, and hardly ever change. */
  addBundles(frames: readonly Frame[]): void {
    for (const frame of frames) this.#bundles.add(frame)
  }

  /** Forgets what was written from there on. Frames that are not sent do no harm. */
  forgetFrom(position: number): void {
    while (this.#ranges.length > 0 && this.#ranges.at(-1)!.end > position) this.#ranges.pop()
  }

  clear(): void {
    if (this.#ranges.length > 0) this.#ranges.length = 0
    if (this.#frames.size > 0) this.#frames.clear()
    if (this.#bundles.size > 0) this.#bundles.clear()
  }

  /**
   * The payload without what the engines have, or can ask for.
   *
   * @param whole - head and frames; these are those of `frames`, closed.
   */
  withhold(whole: Frame[], frames: readonly (Frame | OutOfBand)[]): Frame[] {
    const head = whole[0] as Frame
    const ranges: { start: number; part: SentOnce }[] = []
    for (const { start, end, origin } of this.#ranges) {
      const part = sentBefore(origin, head.subarray(start, end))
      if (part !== undefined) ranges.push({ start, part })
    }
    const withheld = new Map<number, SentOnce>()
    for (const [i, frame] of frames.entries()) {
      const isBundle = this.#bundles.has(frame)
      if (!isBundle && !this.#frames.has(frame)) continue
      const bytes = whole[i + 1] as Frame
      const origin = Buffer.isBuffer(frame) ? frame : frame.buffer
      const isLarge = bytes.length >= (isBundle ? BUNDLE_BYTES_MIN : SENT_ONCE_BYTES_MIN)
      const part = isLarge ? sentBefore(origin, bytes) : undefined
      if (part !== undefined) withheld.set(i + 1, part)
      // It must stay what it was at the moment of the call, whenever it is written.
      else if (!Buffer.isBuffer(frame)) whole[i + 1] = Buffer.from(bytes)
    }
    return ranges.length === 0 && withheld.size === 0 ? whole : withhold(whole, ranges, withheld)
  }
}

function sentBefore(origin: Origin, bytes: Uint8Array): SentOnce | undefined {
  return bytes.length > SENT_ONCE_BYTES_MAX ? undefined : before.find(origin, bytes)
}

/** What was captured by an earlier call of this process, if it is still remembered. */
export function sentEarlier(digest: string): SentOnce | undefined {
  return before.copyOf(digest)
}
