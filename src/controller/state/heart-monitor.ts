/**
 * Decides which engines are alive, from the echoes of their heartbeats.
 *
 * Intuition: one ping goes to everybody at each beat. Whoever has echoed nothing since the last beat has missed it; too
 * many misses in a row, and the heart has stopped. A heart that is awaited gets a few extra pings as soon as somebody
 * connects to hear them, because its first echo completes a registration and a whole period is long; a few, because a
 * connection is there a little before its subscription is.
 *
 * It does not know sockets, registration numbers, or what else tells of a death.
 *
 * ```
 *              pong                  tick, no pong since the last
 *   awaited ──────────► beating ──────────────────────────────► beating, misses + 1
 *      (heart_started)     ▲  pong: misses = 0                     │ misses > heartMissesMax
 *                          └───────────────────                    ▼
 *                                                         forgotten (heart_stopped)
 * ```
 *
 * Invariants
 * 1. A heart starts at most once and stops at most once; only a heart that started can stop.
 * 2. A pong counts only when it echoes a ping that was sent since the beat before last.
 * 3. Extra pings keep a distance that grows with the number of hearts, and end when no heart is awaited.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'

export type HeartEvent =
  /** The hub awaits the first echo of this engine. */
  | { readonly type: 'heart_awaited'; readonly engine: string }
  /** The hub no longer cares. */
  | { readonly type: 'heart_forgotten'; readonly engine: string }
  /** Somebody connected to hear pings, or to echo them. */
  | { readonly type: 'listener_joined' }
  | { readonly type: 'pong'; readonly engine: string; readonly ping: string }
  | { readonly type: 'tick' }

export type HeartEffect =
  | { readonly type: 'ping'; readonly ping: string }
  | { readonly type: 'heart_started'; readonly engine: string }
  | { readonly type: 'heart_stopped'; readonly engine: string; readonly misses: number }

/** Pauses between the extra pings after somebody connected. */
const EXTRA_PAUSES_MS: readonly Millis[] = [3, 10, 25, 60, 150, 400]
/** Least distance of extra pings: one to a thousand engines is a thousand messages. */
const EXTRA_DISTANCE_MS: Millis = 2
const EXTRA_DISTANCE_PER_HEART_MS: Millis = 0.1

interface Heart {
  started: boolean
  answered: boolean
  misses: number
}

export interface HeartMonitorOptions {
  readonly periodMs: Millis
  /** Misses in a row that are forgiven. */
  readonly missesMax: number
}

export class HeartMonitor {
  readonly #hearts = new Map<string, Heart>()
  readonly #periodMs: Millis
  readonly #missesMax: number
  #beatAtMs: Millis
  #extraAtMs = Number.POSITIVE_INFINITY
  #lastPingMs = Number.NEGATIVE_INFINITY
  /** How many extra pings were sent since somebody connected. */
  #extras = 0
  #awaited = 0
  #pings = 0
  /** First ping of the present beat and of the one before: what is older than that does not count. */
  #firstOfBeat = 1
  #firstOfLastBeat = 1

  constructor(options: HeartMonitorOptions, nowMs: Millis) {
    this.#periodMs = options.periodMs
    this.#missesMax = options.missesMax
    this.#beatAtMs = nowMs + options.periodMs
  }

  /** When the shell must next deliver a `tick`. */
  get wakeAtMs(): Millis {
    return Math.min(this.#beatAtMs, this.#extraAtMs)
  }

  handle(event: HeartEvent, nowMs: Millis): HeartEffect[] {
    switch (event.type) {
      case 'heart_awaited':
        this.#forget(event.engine)
        this.#hearts.set(event.engine, { started: false, answered: false, misses: 0 })
        this.#awaited += 1
        this.#extras = 0
        return this.#pingSoon(nowMs, 0)
      case 'heart_forgotten':
        this.#forget(event.engine)
        return []
      case 'listener_joined':
        this.#extras = 0
        return this.#pingSoon(nowMs, 0)
      case 'pong':
        return this.#pong(event.engine, event.ping)
      case 'tick':
        if (nowMs >= this.#beatAtMs) return this.#beat(nowMs)
        return nowMs >= this.#extraAtMs ? this.#extraPing(nowMs) : []
    }
  }

  #pong(engine: string, ping: string): HeartEffect[] {
    const heart = this.#hearts.get(engine)
    // Invariant 2: an old echo may have waited in a socket while its sender was already dead.
    const number = /^\d{1,15}$/.test(ping) ? Number(ping) : 0
    if (heart === undefined || number < this.#firstOfLastBeat || number > this.#pings) return []
    heart.answered = true
    heart.misses = 0
    if (heart.started) return []
    heart.started = true
    this.#awaited -= 1
    return [{ type: 'heart_started', engine }]
  }

  #beat(nowMs: Millis): HeartEffect[] {
    const effects: HeartEffect[] = []
    for (const [engine, heart] of this.#hearts) {
      if (heart.started && !heart.answered) heart.misses += 1
      heart.answered = false
      if (heart.misses <= this.#missesMax) continue
      this.#hearts.delete(engine)
      effects.push({ type: 'heart_stopped', engine, misses: heart.misses })
    }
    this.#firstOfLastBeat = this.#firstOfBeat
    this.#firstOfBeat = this.#pings + 1
    // A process that was held up does not owe the beats it slept through.
    this.#beatAtMs = Math.max(this.#beatAtMs + this.#periodMs, nowMs + this.#periodMs / 2)
    effects.push(...this.#pingNow(nowMs))
    return effects
  }

  #forget(engine: string): void {
    const heart = this.#hearts.get(engine)
    if (heart === undefined) return
    this.#hearts.delete(engine)
    if (!heart.started) this.#awaited -= 1
  }

  #pingSoon(nowMs: Millis, pauseMs: Millis): HeartEffect[] {
    if (this.#awaited === 0) return []
    // Invariant 3: a thousand engines that arrive together share their pings.
    const distanceMs = EXTRA_DISTANCE_MS + EXTRA_DISTANCE_PER_HEART_MS * this.#hearts.size
    this.#extraAtMs = Math.max(nowMs + pauseMs, this.#lastPingMs + distanceMs)
    return this.#extraAtMs <= nowMs ? this.#extraPing(nowMs) : []
  }

  #extraPing(nowMs: Millis): HeartEffect[] {
    this.#extraAtMs = Number.POSITIVE_INFINITY
    if (this.#awaited === 0) return []
    const effects = this.#pingNow(nowMs)
    const pauseMs = EXTRA_PAUSES_MS[this.#extras]
    this.#extras += 1
    return pauseMs === undefined ? effects : [...effects, ...this.#pingSoon(nowMs, pauseMs)]
  }

  #pingNow(nowMs: Millis): HeartEffect[] {
    this.#lastPingMs = nowMs
    this.#pings += 1
    return [{ type: 'ping', ping: String(this.#pings) }]
  }

  validate(): void {
    for (const [engine, heart] of this.#hearts) {
      invariant(heart.misses <= this.#missesMax, `the stopped heart of ${engine} is still watched`)
      invariant(heart.started || heart.misses === 0, `the heart of ${engine} missed a beat before its first`)
    }
    const awaited = [...this.#hearts.values()].filter(({ started }) => !started).length
    invariant(awaited === this.#awaited, 'the awaited hearts do not add up')
    invariant(this.#firstOfLastBeat <= this.#firstOfBeat, 'the beats are out of order')
  }
}
