/**
 * What an engine remembers of its requests, so that a scheduler may send again what a broken connection may have taken
 * along: nothing runs twice, and a reply that was lost comes once more, in the same bytes. A scheduler that had it takes
 * those for a replay.
 *
 * ```
 *  came ──► open ──answered──► kept ──too large, or too many after it──► known ──too many after it──► forgotten
 *            │ forgotten with the queue of a link that is given up
 * ```
 *
 * What is under way in a connection is what was sent last, and no more than its buffers hold: so the bounds are those
 * of a connection, not of a program. Replies are copied, because they may lie in memory of the user's.
 *
 * Invariants
 * 1. An id is open or answered, never both.
 */

import { invariant } from '../../base/assert.ts'
import { Queue } from '../../base/queue.ts'
import type { Frame } from '../../transport/socket.ts'

/** A larger reply is not kept. */
const REPLY_BYTES_MAX = 1 << 20
/** All replies that are kept. */
const KEPT_BYTES_MAX = 8 << 20
const ANSWERED_MAX = 20_000

/** What a request is to an engine: to be run, at work, answered with these frames, or answered and not kept. */
export type Recollection = 'fresh' | 'open' | 'lost' | readonly Frame[]

export class RequestMemory {
  readonly #open = new Set<string>()
  readonly #answered = new Map<string, readonly Frame[] | undefined>()
  /** Ids of the replies that are kept, the oldest first. */
  readonly #kept = new Queue<string>()
  #keptBytes = 0

  came(msgId: string): Recollection {
    if (this.#open.has(msgId)) return 'open'
    if (this.#answered.has(msgId)) return this.#answered.get(msgId) ?? 'lost'
    this.#open.add(msgId)
    return 'fresh'
  }

  answered(msgId: string, reply: readonly Frame[]): void {
    if (!this.#open.delete(msgId)) return
    const bytes = bytesOf(reply)
    const isKept = bytes <= REPLY_BYTES_MAX
    this.#answered.set(msgId, isKept ? copyOf(reply, bytes) : undefined)
    if (isKept) {
      this.#kept.push(msgId)
      this.#keptBytes += bytes
      while (this.#keptBytes > KEPT_BYTES_MAX) this.#letGo(this.#kept.shift()!)
    }
    if (this.#answered.size > ANSWERED_MAX) this.#forgetOldest()
  }

  /** Forgets what has not been answered, but for the one that runs: the queue that it stood in is gone. */
  forgetOpen(running: string | undefined): void {
    const isRunning = running !== undefined && this.#open.has(running)
    this.#open.clear()
    if (isRunning) this.#open.add(running)
  }

  validate(): void {
    let bytes = 0
    for (const [msgId, reply] of this.#answered) {
      invariant(!this.#open.has(msgId), `${msgId} is open and answered at once`)
      if (reply !== undefined) bytes += bytesOf(reply)
    }
    invariant(bytes === this.#keptBytes, `${bytes} bytes are kept and ${this.#keptBytes} counted`)
  }

  #letGo(msgId: string): void {
    const reply = this.#answered.get(msgId)
    if (reply === undefined) return
    this.#keptBytes -= bytesOf(reply)
    this.#answered.set(msgId, undefined)
  }

  #forgetOldest(): void {
    const oldest = this.#answered.keys().next().value!
    if (this.#kept.peek() === oldest) this.#letGo(this.#kept.shift()!)
    this.#answered.delete(oldest)
  }
}

function bytesOf(frames: readonly Frame[]): number {
  let bytes = 0
  for (const frame of frames) bytes += frame.length
  return bytes
}

/** One copy for all frames: parts of a request that came in are pieces of a much larger block. */
function copyOf(frames: readonly Frame[], bytes: number): readonly Frame[] {
  const block = Buffer.allocUnsafe(bytes)
  let at = 0
  return frames.map(frame => {
    block.set(frame, at)
    at += frame.length
    return block.subarray(at - frame.length, at)
  })
}
