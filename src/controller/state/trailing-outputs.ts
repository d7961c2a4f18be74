/**
 * Which requests have their reply, but not yet all that they printed: replies and outputs travel on different sockets, and
 * whoever asks for a result wants both. Our engines say in a reply how many output messages there are; of others nothing
 * is known, and nothing waited for.
 *
 * Invariants
 * 1. A request trails from its reply until its last output, or until `patienceMs` later: an engine may have died between.
 * 2. At most `requestsMax` counts are kept, or the oldest go: some engines send outputs that nobody announces.
 */

import type { Millis } from '../../base/clock.ts'

interface Trailing {
  missing: number
  readonly deadlineMs: Millis
}

export class TrailingOutputs {
  /** Outputs of requests without a reply yet. */
  readonly #came = new Map<string, number>()
  /** In the order of their deadlines. */
  readonly #trailing = new Map<string, Trailing>()
  readonly #patienceMs: Millis
  readonly #requestsMax: number

  constructor(patienceMs: Millis = 2000, requestsMax = 4096) {
    this.#patienceMs = patienceMs
    this.#requestsMax = requestsMax
  }

  get wakeAtMs(): Millis {
    for (const { deadlineMs } of this.#trailing.values()) return deadlineMs
    return Number.POSITIVE_INFINITY
  }

  isTrailing(msgId: string): boolean {
    return this.#trailing.size > 0 && this.#trailing.has(msgId)
  }

  /** An output came. @returns whether it was the last one that a reply in hand had announced. */
  came(msgId: string): boolean {
    const trailing = this.#trailing.get(msgId)
    if (trailing === undefined) {
      this.#came.set(msgId, (this.#came.get(msgId) ?? 0) + 1)
      if (this.#came.size > this.#requestsMax) this.#forgetOldest()
      return false
    }
    trailing.missing -= 1
    return trailing.missing === 0 && this.#trailing.delete(msgId)
  }

  /** The reply came. @returns whether nothing is missing. */
  ended(msgId: string, announced: unknown, nowMs: Millis): boolean {
    const came = this.#came.get(msgId) ?? 0
    if (this.#came.size > 0) this.#came.delete(msgId)
    if (typeof announced !== 'number' || announced <= came) return true
    this.#trailing.set(msgId, { missing: announced - came, deadlineMs: nowMs + this.#patienceMs })
    return false
  }

  /** Those that are waited for no longer. */
  tick(nowMs: Millis): string[] {
    const ended: string[] = []
    for (const [msgId, { deadlineMs }] of this.#trailing) {
      if (deadlineMs > nowMs) break
      this.#trailing.delete(msgId)
      ended.push(msgId)
    }
    return ended
  }

  #forgetOldest(): void {
    for (const oldest of this.#came.keys()) {
      this.#came.delete(oldest)
      return
    }
  }
}
