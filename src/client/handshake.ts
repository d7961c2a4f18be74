/**
 * How a client comes to its cluster: registration first, then the other six sockets, and the engines once more, because a
 * notification between the first list and our subscription is lost.
 */

import { type Deferred, deferred } from '../base/deferred.ts'
import type { Channel } from './channels.ts'

export interface HandshakeOptions {
  readonly connect: (channel: Channel) => void
  /** Asks the hub who is there. Rejects when there is nobody to ask. */
  readonly askForEngines: () => Promise<void>
  /** From here on nothing is missed. */
  readonly onComplete: () => void
}

/** See the head of this file. */
export class Handshake {
  readonly #options: HandshakeOptions
  /** Subscriptions that it waits for. */
  readonly #subscribed = new Map<Channel, Deferred<void>>()

  constructor(options: HandshakeOptions) {
    this.#options = options
  }

  /** Resolves when it is complete. @throws what it is given up for. */
  async complete(): Promise<void> {
    const { connect, askForEngines, onComplete } = this.#options
    connect('registration')
    await askForEngines()
    for (const channel of ['notification', 'iopub'] as const) this.#subscribed.set(channel, deferred())
    for (const channel of ['notification', 'iopub', 'control', 'mux', 'task', 'broadcast'] as const)
      connect(channel)
    await Promise.all([...this.#subscribed.values()].map(({ promise }) => promise))
    await askForEngines()
    onComplete()
  }

  /** A socket has its connection. */
  joined(channel: Channel): void {
    this.#subscribed.get(channel)?.resolve()
  }

  /** The controller is given up; whoever does not wait for it any more is not bothered. */
  giveUp(error: Error): void {
    for (const { reject, promise } of this.#subscribed.values()) {
      promise.catch(() => {})
      reject(error)
    }
  }
}
