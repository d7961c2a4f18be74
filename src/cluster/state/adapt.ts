/**
 * Decides how many engines a cluster should have, by what waits for them and what they do. Knows no hub, process or clock.
 *
 * 1. Engines are added when tasks have waited for `waitMs` without an engine: one for each that waits.
 * 2. Engines are ended when nothing waits and they have had nothing to do for `idleMs`, be it of a load-balanced, a direct
 *    or a broadcast view: the highest numbers first.
 * 3. There are never fewer than `min` and never more than `max` by what is decided here.
 * 4. One change at a time, and after one that failed none for `retryMs`.
 */

import type { Millis } from '../../base/clock.ts'

export interface AdaptOptions {
  readonly min: number
  readonly max: number
  readonly waitMs: Millis
  readonly idleMs: Millis
  readonly retryMs: Millis
}

/** An engine, and how many requests it has that it has not answered, and that it has. */
export interface EngineLoad {
  readonly id: number
  readonly load: number
  readonly completed: number
}

export type AdaptEvent =
  /** What the hub says: how many tasks are with no engine, and what engines there are. */
  | { readonly type: 'seen'; readonly unassigned: number; readonly engines: readonly EngineLoad[] }
  | { readonly type: 'changed' }
  | { readonly type: 'change_failed' }

export type AdaptEffect =
  | { readonly type: 'add_engines'; readonly n: number }
  | { readonly type: 'end_engines'; readonly ids: readonly number[] }

/** See the head of this file. */
export class Adapt {
  readonly #options: AdaptOptions
  /** Since when tasks have waited without a break. */
  #waitingSinceMs: Millis | undefined
  /** Since when engines have had nothing to do. */
  readonly #idleSinceMs = new Map<number, Millis>()
  /** How much engines had done when they were last seen. */
  #completed = new Map<number, number>()
  #isChanging = false
  #notBeforeMs: Millis = Number.NEGATIVE_INFINITY

  constructor(options: AdaptOptions) {
    this.#options = options
  }

  /** The only way to change this machine. Returns what the shell must now do: at most one change. */
  handle(event: AdaptEvent, nowMs: Millis): AdaptEffect[] {
    switch (event.type) {
      case 'seen':
        this.#note(event.unassigned, event.engines, nowMs)
        return this.#change(event.unassigned, event.engines, nowMs)
      case 'changed':
        this.#isChanging = false
        return []
      case 'change_failed':
        this.#isChanging = false
        this.#notBeforeMs = nowMs + this.#options.retryMs
        return []
    }
  }

  #note(unassigned: number, engines: readonly EngineLoad[], nowMs: Millis): void {
    if (unassigned === 0) this.#waitingSinceMs = undefined
    else this.#waitingSinceMs ??= nowMs
    // Who is seen with nothing to do, and has done something since, was busy in between.
    const isIdle = ({ id, load, completed }: EngineLoad): boolean =>
      load === 0 && completed === (this.#completed.get(id) ?? completed)
    const idle = new Set(engines.filter(isIdle).map(({ id }) => id))
    this.#completed = new Map(engines.map(({ id, completed }) => [id, completed]))
    for (const id of this.#idleSinceMs.keys()) if (!idle.has(id)) this.#idleSinceMs.delete(id)
    for (const id of idle) if (!this.#idleSinceMs.has(id)) this.#idleSinceMs.set(id, nowMs)
  }

  #change(unassigned: number, engines: readonly EngineLoad[], nowMs: Millis): AdaptEffect[] {
    // Invariant 4.
    if (this.#isChanging || nowMs < this.#notBeforeMs) return []
    const added = this.#missing(unassigned, engines.length, nowMs)
    const ended = added > 0 ? [] : this.#idle(unassigned, engines.length, nowMs)
    if (added === 0 && ended.length === 0) return []
    this.#isChanging = true
    // Those that come now are given time to take what waits.
    this.#waitingSinceMs = undefined
    return added > 0 ? [{ type: 'add_engines', n: added }] : [{ type: 'end_engines', ids: ended }]
  }

  /** Invariant 1. */
  #missing(unassigned: number, n: number, nowMs: Millis): number {
    const { min, max, waitMs } = this.#options
    if (n < min) return min - n
    if (this.#waitingSinceMs === undefined || nowMs - this.#waitingSinceMs < waitMs) return 0
    return Math.max(0, Math.min(unassigned, max - n))
  }

  /** Invariant 2. */
  #idle(unassigned: number, n: number, nowMs: Millis): number[] {
    const { min, idleMs } = this.#options
    if (unassigned > 0) return []
    const ids = [...this.#idleSinceMs].filter(([, sinceMs]) => nowMs - sinceMs >= idleMs).map(([id]) => id)
    return ids.sort((a, b) => b - a).slice(0, Math.max(0, n - min))
  }
}
