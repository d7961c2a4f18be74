import { type SentOnce, sentEarlier } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'

/** Parts that calls under way withhold: engines that lack one ask for it while the call is not answered. */
export class HeldParts {
  readonly #parts = new Map<string, readonly SentOnce[]>()

  hold(msgId: string, parts: readonly SentOnce[]): void {
    this.#parts.set(msgId, parts)
  }

  release(msgId: string): void {
    if (this.#parts.size > 0) this.#parts.delete(msgId)
  }

  /** What an engine asked for, as content and buffers of the request that brings it. */
  answer(digests: readonly unknown[]): { content: object; buffers: Message } {
    const found: SentOnce[] = []
    const missing: unknown[] = []
    for (const digest of digests) {
      const part = this.#find(digest)
      if (part === undefined) missing.push(digest)
      else found.push(part)
    }
    return {
      content: { digests: found.map(part => part.digest), missing },
      buffers: found.map(part => part.bytes),
    }
  }

  /** By its digest alone: several calls share a part, and any of them will do. */
  #find(digest: unknown): SentOnce | undefined {
    if (typeof digest !== 'string') return undefined
    for (const parts of this.#parts.values()) {
      const part = parts.find(each => each.digest === digest)
      if (part !== undefined) return part
    }
    // A call that the hub submits again is not one of ours under way.
    return sentEarlier(digest)
  }
}
