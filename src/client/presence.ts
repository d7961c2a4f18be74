/**
 * Whether the controller is there, for a client: how it comes to it (`handshake.ts`), whether anybody ever answered, what is
 * asked when a lost connection is back, and when it is given up (`state/link.ts`). What becomes of requests then is the
 * dispatcher's matter.
 */

import { Alarm } from '../base/alarm.ts'
import { assertNever } from '../base/assert.ts'
import type { Clock, Millis } from '../base/clock.ts'
import type { DisconnectedError } from '../errors.ts'
import type { Channel } from './channels.ts'
import { goneError } from './gone-error.ts'
import { Handshake } from './handshake.ts'
import { type GoneReason, Link, type LinkEffect, type LinkEvent } from './state/link.ts'

export interface PresenceOptions {
  readonly clock: Clock
  /** Where the controller is, for messages. */
  readonly place: string
  /** How long a lost controller may take to come back. */
  readonly lostPatienceMs: Millis
  readonly connect: (channel: Channel) => void
  /** Asks the hub who is there. Rejects when the controller is given up meanwhile. */
  readonly askForEngines: () => Promise<void>
  /** Called once, when the controller is given up. */
  readonly onGone: (reason: GoneReason, error: DisconnectedError) => void
}

/** See the head of this file. */
export class Presence {
  readonly #options: PresenceOptions
  readonly #link: Link
  readonly #alarm: Alarm
  readonly #handshake: Handshake
  #wasReached = false

  constructor(options: PresenceOptions) {
    const { clock, lostPatienceMs, connect, askForEngines } = options
    this.#options = options
    this.#link = new Link(lostPatienceMs)
    this.#alarm = new Alarm(clock, () => this.#handle({ type: 'tick' }))
    const onComplete = (): void => this.#handle({ type: 'opened' })
    this.#handshake = new Handshake({ connect, askForEngines, onComplete })
  }

  /** Comes to the controller. @throws what it is given up for. */
  open(): Promise<void> {
    return this.#handshake.complete()
  }

  /** Whether anybody ever accepted our connection. */
  get wasReached(): boolean {
    return this.#wasReached
  }

  /** A socket has its connection. @param isBack - it had one before, and lost it. */
  joined(channel: Channel, isBack: boolean): void {
    this.#handshake.joined(channel)
    // What was told meanwhile was missed.
    if (isBack && channel === 'notification') this.#handle({ type: 'opened' })
    // All sockets lead to one process: the first of them speaks for all.
    if (channel !== 'registration') return
    this.#wasReached = true
    this.#handle({ type: 'back' })
  }

  /** A socket has lost its connection. */
  lost(channel: Channel, cause: string | undefined): void {
    if (channel === 'registration') this.#handle({ type: 'lost', cause })
  }

  /** The controller ends, or our own side does. */
  end(reason: 'shut_down' | 'closed'): void {
    this.#handle({ type: reason })
  }

  #handle(event: LinkEvent): void {
    for (const effect of this.#link.handle(event, this.#options.clock.nowMs())) this.#perform(effect)
    this.#alarm.set(this.#link.wakeAtMs)
  }

  #perform(effect: LinkEffect): void {
    switch (effect.type) {
      case 'ask_for_engines':
        // Fails only when the controller is given up meanwhile, which everybody is told then.
        this.#options.askForEngines().catch(() => {})
        break
      case 'give_up':
        this.#giveUp(effect.reason, effect.cause)
        break
      default:
        assertNever(effect, 'link effect')
    }
  }

  #giveUp(reason: GoneReason, cause: string | undefined): void {
    const { place, lostPatienceMs, onGone } = this.#options
    const error = goneError(reason, place, lostPatienceMs, cause)
    this.#alarm.close()
    this.#handshake.giveUp(error)
    onGone(reason, error)
  }
}
