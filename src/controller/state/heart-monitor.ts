/**
 * Decides which engines are alive, from the echoes of their heartbeats.
 *
 * Intuition: one ping goes to everybody at each beat. Whoever has echoed it by the next has not missed it, nor any before
 * it; too many misses since the last echo, and the heart has stopped. A heart that is awaited gets a few extra pings as
 * soon as somebody connects to hear them, because its first echo completes a registration and a whole period is long; a
 * few, because a connection is there a little before its subscription is.
 *
 * It does not know sockets, registration numbers, or what else tells of a death.
 *
 * ```
 *              pong                  tick, the last ping not echoed
 *   awaited ──────────► beating ──────────────────────────────► beating, misses + 1
 *      (heart_started)     ▲  pong: misses since its ping          │ misses > heartMissesMax
 *                          └──────────────────────────             ▼
 *                                                         forgotten (heart_stopped)
 * ```
 *
 * Invariants
 * 1. A heart starts at most once and stops at most once; only a heart that started can stop.
 * 2. A pong tells of life when its ping was sent, and not later: an old echo may have waited in a socket while its sender
 *    was already dead. Nor does it tell less: who was held up answers the oldest pings first, and must not be given up
 *    between these answers and the newer ones. The first echo of a heart must be of this beat or the one before.
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
/** How many beats may have begun since the ping that a first echo answers. */
const FIRST_ECHO_BEATS_MAX = 1
/** Least distance of extra pings: one to a thousand engines is a thousand messages. */
const EXTRA_DISTANCE_MS: Millis = 2
const EXTRA_DISTANCE_PER_HEART_MS: Millis = 0.1

/** Beats that began since a heart's first echo, which has not come yet. */
const NEVER = Number.POSITIVE_INFINITY

export interface HeartMonitorOptions {
  readonly periodMs: Millis
  /** Misses in a row that are forgiven. */
  readonly missesMax: number
}

export class HeartMonitor {
  /** For each heart, how many beats began since the one whose ping it echoed last: 0, that is the present one. */
  readonly #hearts = new Map<string, number>()
  readonly #periodMs: Millis
  readonly #missesMax: number
  #beatAtMs: Millis
  #extraAtMs = Number.POSITIVE_INFINITY
  #lastPingMs = Number.NEGATIVE_INFINITY
  /** How many extra pings were sent since somebody connected. */
  #extras = 0
  #awaited = 0
  #pings = 0
  /** The first ping of each beat that can still matter, the present one's first. */
  readonly #firstPings = [1]

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
        this.#hearts.set(event.engine, NEVER)
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
    const before = this.#hearts.get(engine)
    const number = /^\d{1,15}$/.test(ping) ? Number(ping) : 0
    if (before === undefined || number < 1 || number > this.#pings) return []
    // Invariant 2.
    const beatsSince = this.#firstPings.findIndex(first => first <= number)
    if (beatsSince === -1 || beatsSince >= before) return []
    if (before !== NEVER) {
      this.#hearts.set(engine, beatsSince)
      return []
    }
    if (beatsSince > FIRST_ECHO_BEATS_MAX) return []
    this.#hearts.set(engine, beatsSince)
    this.#awaited -= 1
    return [{ type: 'heart_started', engine }]
  }

  #beat(nowMs: Millis): HeartEffect[] {
    const effects: HeartEffect[] = []
    for (const [engine, misses] of this.#hearts) {
      if (misses === NEVER) continue
      this.#hearts.set(engine, misses + 1)
      if (misses <= this.#missesMax) continue
      this.#hearts.delete(engine)
      effects.push({ type: 'heart_stopped', engine, misses })
    }
    this.#firstPings.unshift(this.#pings + 1)
    if (this.#firstPings.length > this.#missesMax + 2) this.#firstPings.pop()
    // A process that was held up does not owe the beats it slept through.
    this.#beatAtMs = Math.max(this.#beatAtMs + this.#periodMs, nowMs + this.#periodMs / 2)
    effects.push(...this.#pingNow(nowMs))
    return effects
  }

  #forget(engine: string): void {
    const beatsSince = this.#hearts.get(engine)
    this.#hearts.delete(engine)
    if (beatsSince === NEVER) this.#awaited -= 1
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
    const hearts = [...this.#hearts]
    for (const [engine, beatsSince] of hearts)
      invariant(
        beatsSince === NEVER || beatsSince <= this.#missesMax + 1,
        `the stopped heart of ${engine} is still watched`,
      )
    const awaited = hearts.filter(([, beatsSince]) => beatsSince === NEVER).length
    invariant(awaited === this.#awaited, 'the awaited hearts do not add up')
    invariant(
      this.#firstPings.every((first, at) => at === 0 || first <= this.#firstPings[at - 1]!),
      'the beats are out of order',
    )
  }
}
