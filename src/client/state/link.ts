/**
 * Whether the controller is reachable, and when to give it up.
 *
 * ```
 * up ──opened──► up (asks for the engines once more, a little later)
 * up ──lost──► lost ──back──► up (asks for the engines again: notifications were missed)
 * │             │
 * │             └─ tick after the patience ──► gone
 * └─ shut_down · closed (from every state) ──► gone
 * ```
 */

import { assertNever } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'

export type LinkEvent =
  /** The handshake is done, or notifications come again after they had not. */
  | { readonly type: 'opened' }
  | { readonly type: 'lost'; readonly cause: string | undefined }
  | { readonly type: 'back' }
  /** The hub said that it ends. */
  | { readonly type: 'shut_down' }
  /** Our own side ends it. */
  | { readonly type: 'closed' }
  | { readonly type: 'tick' }

export type LinkEffect =
  | { readonly type: 'ask_for_engines' }
  | { readonly type: 'give_up'; readonly reason: GoneReason; readonly cause?: string | undefined }

export type GoneReason = 'lost' | 'shut_down' | 'closed'

type LinkState =
  | { readonly name: 'up' }
  | { readonly name: 'lost'; readonly untilMs: Millis; readonly cause: string | undefined }
  | { readonly name: 'gone' }

/**
 * When the engines are asked for once more after the handshake: nobody acknowledges a subscription, so that it may
 * arrive after a notification that the list before it did not know of.
 */
const LATE_LIST_MS: Millis = 1000

/** Decides when a lost controller is gone for good. */
export class Link {
  #state: LinkState = { name: 'up' }
  #askAtMs: Millis = Number.POSITIVE_INFINITY
  readonly #patienceMs: Millis

  /** @param patienceMs - how long a lost connection may take to come back. */
  constructor(patienceMs: Millis) {
    this.#patienceMs = patienceMs
  }

  get isGone(): boolean {
    return this.#state.name === 'gone'
  }

  get wakeAtMs(): Millis {
    return this.#state.name === 'lost' ? this.#state.untilMs : this.#askAtMs
  }

  handle(event: LinkEvent, nowMs: Millis): LinkEffect[] {
    const state = this.#state
    if (state.name === 'gone') return []
    switch (event.type) {
      case 'opened':
        this.#askAtMs = nowMs + LATE_LIST_MS
        return []
      case 'lost':
        // Several sockets lose the same controller one after the other: the first starts the patience.
        if (state.name === 'up')
          this.#state = { name: 'lost', untilMs: nowMs + this.#patienceMs, cause: event.cause }
        return []
      case 'back':
        if (state.name !== 'lost') return []
        this.#state = { name: 'up' }
        return [{ type: 'ask_for_engines' }]
      case 'shut_down':
      case 'closed':
        return this.#giveUp({ type: 'give_up', reason: event.type })
      case 'tick':
        if (state.name === 'up' && nowMs >= this.#askAtMs) {
          this.#askAtMs = Number.POSITIVE_INFINITY
          return [{ type: 'ask_for_engines' }]
        }
        if (state.name !== 'lost' || nowMs < state.untilMs) return []
        return this.#giveUp({ type: 'give_up', reason: 'lost', cause: state.cause })
      default:
        return assertNever(event, 'link event')
    }
  }

  #giveUp(effect: LinkEffect): LinkEffect[] {
    this.#state = { name: 'gone' }
    this.#askAtMs = Number.POSITIVE_INFINITY
    return [effect]
  }
}
