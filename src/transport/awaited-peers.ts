import type { Message } from './socket.ts'

/** Until then its system tells that it is there, or other connections of it tell that it is not. */
const WAIT_MS = 3_600_000

interface AwaitedPeer {
  readonly messages: Message[]
  readonly timer: NodeJS.Timeout
}

/**
 * Peers that we disconnected in the middle of a message. They come back as soon as they can, which may take as long as
 * their program is busy: until then what is sent to them waits, and nobody need hear that they were away.
 */
export class AwaitedPeers {
  /** By identity as latin1 text. */
  readonly #peers = new Map<string, AwaitedPeer>()

  /** @param onGivenUp - called with the number of messages that are lost if the peer does not come back. */
  add(identity: Buffer, unsent: readonly Message[], onGivenUp: (messagesLost: number) => void): void {
    const name = identity.toString('latin1')
    const messages = [...unsent]
    const timer = setTimeout(() => {
      this.#peers.delete(name)
      onGivenUp(messages.length)
    }, WAIT_MS)
    timer.unref()
    this.#peers.set(name, { messages, timer })
  }

  /** Keeps a ROUTER's message for a peer that is awaited. @returns false where it is not. */
  keep(message: Message): boolean {
    const peer = this.#peers.size === 0 ? undefined : this.#peers.get(message[0]!.toString('latin1'))
    peer?.messages.push(message.slice(1))
    return peer !== undefined
  }

  /** A peer has connected. @returns what waited for it; undefined where it was not awaited. */
  cameBack(identity: Buffer): readonly Message[] | undefined {
    const name = identity.toString('latin1')
    const peer = this.#peers.get(name)
    clearTimeout(peer?.timer)
    this.#peers.delete(name)
    return peer?.messages
  }

  clear(): void {
    for (const { timer } of this.#peers.values()) clearTimeout(timer)
    this.#peers.clear()
  }
}
