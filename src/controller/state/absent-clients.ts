/**
 * Which clients will answer no engine any more. Engines ask for what a call withholds, and ask again: a client that is
 * not connected gets a little time to come back, from the first time that it was missed.
 */

import type { Millis } from '../../base/clock.ts'

/** How long a client may be away, and still be waited for. */
const PATIENCE_MS: Millis = 1500

/** How many are remembered that were missed and did not come back; the oldest are forgotten. */
const MISSED_MAX = 1024

export class AbsentClients {
  /** How many connections there are under each name: a new one may come before the one it replaces has gone. */
  readonly #connections = new Map<string, number>()
  readonly #missedSinceMs = new Map<string, Millis>()

  joined(client: string): void {
    this.#connections.set(client, (this.#connections.get(client) ?? 0) + 1)
    this.#missedSinceMs.delete(client)
  }

  left(client: string): void {
    const now = (this.#connections.get(client) ?? 0) - 1
    if (now > 0) this.#connections.set(client, now)
    else this.#connections.delete(client)
  }

  /** An engine asks a client for something. @returns whether nobody will answer. */
  isGone(client: string, nowMs: Millis): boolean {
    if (this.#connections.has(client)) return false
    const sinceMs = this.#missedSinceMs.get(client)
    if (sinceMs !== undefined) return nowMs - sinceMs >= PATIENCE_MS
    this.#missedSinceMs.set(client, nowMs)
    if (this.#missedSinceMs.size > MISSED_MAX)
      this.#missedSinceMs.delete(this.#missedSinceMs.keys().next().value!)
    return false
  }
}
