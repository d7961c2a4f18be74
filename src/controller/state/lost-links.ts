/**
 * The connections of engines that are gone and may come back: which, and since when. Knows neither what they are for nor
 * what becomes of an engine that is waited for in vain.
 */

import type { Millis } from '../../base/clock.ts'

/** See the head of this file. */
export class LostLinks {
  readonly #lost = new Map<string, Map<string, Millis>>()
  readonly #graceMs: (engine: string) => Millis

  /** @param graceMs - how long a connection of an engine is waited for, asked whenever it matters. */
  constructor(graceMs: (engine: string) => Millis) {
    this.#graceMs = graceMs
  }

  /** When the first has been waited for in vain. */
  get wakeAtMs(): Millis {
    let at = Number.POSITIVE_INFINITY
    for (const [engine, channels] of this.#lost) {
      for (const sinceMs of channels.values()) at = Math.min(at, sinceMs + this.#graceMs(engine))
    }
    return at
  }

  /** The engines that lack one at present. */
  engines(): Iterable<string> {
    return this.#lost.keys()
  }

  lost(engine: string, channel: string, nowMs: Millis): void {
    let channels = this.#lost.get(engine)
    if (channels === undefined) {
      channels = new Map()
      this.#lost.set(engine, channels)
    }
    channels.set(channel, nowMs)
  }

  joined(engine: string, channel: string): void {
    const channels = this.#lost.get(engine)
    if (channels === undefined) return
    channels.delete(channel)
    if (channels.size === 0) this.#lost.delete(engine)
  }

  /** Nothing of this engine is waited for any more. */
  forget(engine: string): void {
    this.#lost.delete(engine)
  }

  /** The engines of which a connection was waited for in vain. */
  overdue(nowMs: Millis): string[] {
    const engines: string[] = []
    for (const [engine, channels] of this.#lost) {
      const graceMs = this.#graceMs(engine)
      if ([...channels.values()].some(sinceMs => sinceMs + graceMs <= nowMs)) engines.push(engine)
    }
    return engines
  }
}
