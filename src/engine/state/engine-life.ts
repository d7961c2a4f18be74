/**
 * Decides how an engine lives: when it registers, when it takes the controller for lost, how it comes back, and when
 * it gives up. It knows no socket, no clock and no process; a link is "all connections to one controller".
 *
 * ```
 *            shell_ready, registration_open          accepted        shell_complete
 *  starting ──────────────────────────────► registering ───► joining ─────────────► alive
 *     ▲                                          │              │                     │
 *     │ connection_read                          └──────┬───────┴─────────────────────┘
 *     └───────────────────────────── lost ◄─────────────┘  closed, or no ping for too long
 *
 *  any state ──► ended      shutdown, lifeline, stop, refusal, or no contact for `goneMs`
 * ```
 *
 * 1. A registration is asked for only when the shell is connected: a registered engine can always be reached.
 * 2. The heart starts only when the shell is complete: the first pong means "ready".
 * 3. The uuid stays the same for ever. A controller that still knows it answers "in use": then the engine was never
 *    lost to it, and simply goes on.
 *    It asks once more a little later, since the controller may just then have been giving it up. For the same reason
 *    it asks when it was held up for some pings, or was not connected for a while, be it for its echoes alone: it may
 *    have been taken for dead, and nobody would tell it.
 * 4. `ended` is final, and is reached with exactly one `end` effect.
 */

import { assertNever } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'

export type LifeState = 'starting' | 'registering' | 'joining' | 'alive' | 'lost' | 'ended'

export type LifeEvent =
  | { readonly type: 'started' }
  /** The shell's sockets are connected to the schedulers that need no engine number. */
  | { readonly type: 'shell_ready' }
  | { readonly type: 'shell_lost' }
  | { readonly type: 'registration_open' }
  | { readonly type: 'registration_closed'; readonly cause: string }
  | { readonly type: 'accepted'; readonly id: number; readonly heartPeriodMs: Millis }
  | { readonly type: 'refused'; readonly ename: string; readonly evalue: string }
  /** The shell is connected to its broadcast leaf as well. */
  | { readonly type: 'shell_complete' }
  | { readonly type: 'ping' }
  /** Echoes had nowhere to go for a while. */
  | { readonly type: 'heart_back' }
  /** The connection file was read again; `changed` when its ports or its key are others than before. */
  | { readonly type: 'connection_read'; readonly changed: boolean }
  | { readonly type: 'shutdown_requested' }
  | { readonly type: 'lifeline_closed' }
  | { readonly type: 'stop_requested' }
  | { readonly type: 'tick' }

export type LifeEffect =
  /** Make every connection anew, to what was last read. */
  | { readonly type: 'connect' }
  /** Drop every connection: a heart that went on beating would answer for an engine that is not there. */
  | { readonly type: 'disconnect' }
  | { readonly type: 'register' }
  | { readonly type: 'join'; readonly id: number }
  | { readonly type: 'start_heart'; readonly id: number }
  | { readonly type: 'read_connection' }
  | { readonly type: 'unregister'; readonly id: number }
  | { readonly type: 'end'; readonly exitCode: number; readonly reason: string }
  | { readonly type: 'warn'; readonly message: string }

export interface EngineLifeOptions {
  /** How long the engine waits for a controller that does not answer before it ends. */
  readonly goneMs: Millis
  /** How long it waits for the answer to a registration. */
  readonly answerMs: Millis
  /** How often it reads the connection file again while the controller is lost. */
  readonly retryMs: Millis
}

/** Exit code of an engine that lost its controller, or was refused by it. */
export const EXIT_NO_CONTROLLER = 69

/** Pings that may be missing before the controller is taken for lost though its connection stands. */
const MISSED_PINGS_MAX = 10
/** Pings that an engine may be held up for and not wonder whether it was taken for dead. */
const HELD_UP_PINGS = 2

export class EngineLife {
  #state: LifeState = 'starting'
  #id: number | undefined
  #shellReady = false
  #registrationOpen = false
  #heartPeriodMs: Millis = 3000
  /** Since when there has been no controller. */
  #searchSinceMs: Millis = 0
  /** When the current wait ends: for an answer, a ping, or the next look at the connection file. */
  #deadlineMs: Millis = Number.POSITIVE_INFINITY
  /** When the last ping came; before the first, when the hub answered. */
  #pingedMs: Millis = Number.POSITIVE_INFINITY
  /** When to ask again after an "in use" (invariant 3). */
  #askAgainMs: Millis = Number.POSITIVE_INFINITY
  readonly #options: EngineLifeOptions

  constructor(options: EngineLifeOptions) {
    this.#options = options
  }

  get state(): LifeState {
    return this.#state
  }

  get id(): number | undefined {
    return this.#id
  }

  /** When the shell must next deliver a `tick`. */
  get wakeAtMs(): Millis {
    if (this.#state === 'ended') return Number.POSITIVE_INFINITY
    if (this.#state === 'alive' || this.#state === 'joining')
      return Math.min(this.#deadlineMs, this.#askAgainMs)
    return Math.min(this.#deadlineMs, this.#searchSinceMs + this.#options.goneMs)
  }

  /** The only way to change this machine. Returns what the shell must now do, in order. */
  handle(event: LifeEvent, nowMs: Millis): LifeEffect[] {
    if (this.#state === 'ended') return []
    switch (event.type) {
      case 'started':
        this.#searchSinceMs = nowMs
        return [{ type: 'connect' }]
      case 'shell_ready':
        this.#shellReady = true
        return this.#registerWhenReady(nowMs)
      case 'shell_lost':
        this.#shellReady = false
        return []
      case 'registration_open':
        this.#registrationOpen = true
        return this.#registerWhenReady(nowMs)
      case 'registration_closed':
        return this.#onRegistrationClosed(event.cause, nowMs)
      case 'accepted':
        return this.#onAccepted(event.id, event.heartPeriodMs, nowMs)
      case 'refused':
        return this.#onRefused(event.ename, event.evalue, nowMs)
      case 'shell_complete':
        return this.#onShellComplete(nowMs)
      case 'ping':
        return this.#onPing(nowMs)
      case 'heart_back':
        this.#wonder(nowMs)
        return []
      case 'connection_read':
        return this.#onConnectionRead(event.changed, nowMs)
      case 'shutdown_requested':
        return this.#end(0, 'shutdown was requested')
      case 'lifeline_closed':
        return this.#end(0, 'the program that started this engine is gone')
      case 'stop_requested':
        return this.#end(0, 'stopped')
      case 'tick':
        return this.#onTick(nowMs)
      default:
        return assertNever(event, 'event of an engine')
    }
  }

  #registerWhenReady(nowMs: Millis): LifeEffect[] {
    // Invariant 1.
    if (!this.#shellReady || !this.#registrationOpen) return []
    if (this.#state !== 'starting') return []
    this.#state = 'registering'
    this.#deadlineMs = nowMs + this.#options.answerMs
    return [{ type: 'register' }]
  }

  #onRegistrationClosed(cause: string, nowMs: Millis): LifeEffect[] {
    this.#registrationOpen = false
    if (this.#state === 'starting' || this.#state === 'lost') return []
    return this.#lose(`the connection to the controller was lost (${cause})`, nowMs)
  }

  #lose(message: string, nowMs: Millis): LifeEffect[] {
    // A controller that opens connections but answers nothing must not keep us searching for ever.
    if (this.#state !== 'registering') this.#searchSinceMs = nowMs
    this.#state = 'lost'
    this.#askAgainMs = Number.POSITIVE_INFINITY
    this.#deadlineMs = nowMs + this.#options.retryMs
    return [
      { type: 'warn', message: `${message}: looking for it again` },
      { type: 'disconnect' },
      { type: 'read_connection' },
    ]
  }

  #onAccepted(id: number, heartPeriodMs: Millis, nowMs: Millis): LifeEffect[] {
    if (this.#state !== 'registering' && this.#state !== 'alive') return []
    this.#state = 'joining'
    this.#id = id
    this.#pingedMs = nowMs
    this.#heartPeriodMs = heartPeriodMs
    this.#deadlineMs = nowMs + this.#options.goneMs
    return [{ type: 'join', id }]
  }

  #onRefused(ename: string, evalue: string, nowMs: Millis): LifeEffect[] {
    if (this.#state !== 'registering') return []
    if (this.#id !== undefined && evalue.includes('in use')) {
      // Invariant 3.
      this.#state = 'joining'
      this.#pingedMs = nowMs
      this.#askAgainMs = nowMs + this.#options.answerMs
      this.#deadlineMs = nowMs + this.#options.goneMs
      return [{ type: 'join', id: this.#id }]
    }
    return this.#end(EXIT_NO_CONTROLLER, `the controller refused the registration: ${ename}: ${evalue}`)
  }

  #onShellComplete(nowMs: Millis): LifeEffect[] {
    this.#wonder(nowMs)
    if (this.#state !== 'joining' || this.#id === undefined) return []
    this.#state = 'alive'
    this.#deadlineMs = nowMs + this.#silenceMaxMs()
    return [{ type: 'start_heart', id: this.#id }]
  }

  /** One of its connections was lost, and is back: perhaps too late (invariant 3). */
  #wonder(nowMs: Millis): void {
    if (this.#state === 'alive') this.#askAgainMs = nowMs + this.#options.answerMs
  }

  #onPing(nowMs: Millis): LifeEffect[] {
    if (this.#state !== 'alive') return []
    this.#deadlineMs = nowMs + this.#silenceMaxMs()
    const wasHeldUp = nowMs - this.#pingedMs > HELD_UP_PINGS * this.#heartPeriodMs
    this.#pingedMs = nowMs
    if (!wasHeldUp) return []
    // Invariant 3.
    this.#askAgainMs = nowMs + this.#options.answerMs
    return [{ type: 'register' }]
  }

  #silenceMaxMs(): Millis {
    return Math.max(this.#options.goneMs, MISSED_PINGS_MAX * (this.#heartPeriodMs + 500))
  }

  #onConnectionRead(changed: boolean, nowMs: Millis): LifeEffect[] {
    // After a loss every connection is made anew, also to the same address: one that looks whole may only not have
    // noticed yet, because its thread was blocked meanwhile.
    if (this.#state !== 'lost' && !(this.#state === 'starting' && changed)) return []
    this.#state = 'starting'
    this.#shellReady = false
    this.#registrationOpen = false
    this.#deadlineMs = nowMs + this.#options.retryMs
    return [{ type: 'connect' }]
  }

  #onTick(nowMs: Millis): LifeEffect[] {
    switch (this.#state) {
      case 'starting':
      case 'lost':
        return this.#lookAgain(nowMs)
      case 'registering':
        if (this.#isGone(nowMs)) return this.#giveUp()
        if (nowMs < this.#deadlineMs) return []
        return this.#lose('the controller does not answer the registration', nowMs)
      case 'joining':
      case 'alive':
        if (nowMs < this.#deadlineMs) return this.#askAgain(nowMs)
        return this.#lose('the controller sends no heartbeats any more', nowMs)
      case 'ended':
        return []
      default:
        return assertNever(this.#state, 'state of an engine')
    }
  }

  #askAgain(nowMs: Millis): LifeEffect[] {
    if (nowMs < this.#askAgainMs) return []
    if (this.#state !== 'alive') {
      this.#askAgainMs = nowMs + this.#options.answerMs
      return []
    }
    this.#askAgainMs = Number.POSITIVE_INFINITY
    return [{ type: 'register' }]
  }

  /** While there is no controller: look for another one in the connection file, until the patience is over. */
  #lookAgain(nowMs: Millis): LifeEffect[] {
    if (this.#isGone(nowMs)) return this.#giveUp()
    if (nowMs < this.#deadlineMs) return []
    this.#deadlineMs = nowMs + this.#options.retryMs
    // What cannot be reached under its old address may have a new one.
    return [{ type: 'read_connection' }]
  }

  #isGone(nowMs: Millis): boolean {
    return nowMs >= this.#searchSinceMs + this.#options.goneMs
  }

  #giveUp(): LifeEffect[] {
    const seconds = this.#options.goneMs / 1000
    return this.#end(
      EXIT_NO_CONTROLLER,
      `there was no controller for ${seconds} s: is it running, and reachable from here?`,
    )
  }

  #end(exitCode: number, reason: string): LifeEffect[] {
    // Invariant 4.
    const known = this.#id !== undefined && this.#state !== 'lost' && this.#state !== 'starting'
    this.#state = 'ended'
    const effects: LifeEffect[] = []
    if (known && this.#id !== undefined) effects.push({ type: 'unregister', id: this.#id })
    effects.push({ type: 'end', exitCode, reason })
    return effects
  }
}
