import type { Arrival } from '../transport/arrival.ts'
import type { Message, PeerEvent, SendOutcome } from '../transport/socket.ts'

export type ChannelName = 'mux' | 'control' | 'task' | 'broadcast'

export interface EngineLinksOptions {
  readonly send: (message: Message) => SendOutcome
  readonly passOn: (head: Message, arrival: Arrival) => void
  /** A registered engine's connection was lost, or is there (again). */
  readonly onLost: (engine: string) => void
  readonly onJoined: (engine: string) => void
}

/**
 * The connections of engines to one scheduler socket. What is sent to a registered engine whose connection is not there
 * is held: it may be a moment late in its first handshake, or about to come back. The hub decides how long that may take.
 */
export class EngineLinks {
  /** How many connections there are under each name: a new one may come before the one it replaces has gone. */
  readonly #connections = new Map<string, number>()
  readonly #identities = new Map<string, Buffer>()
  readonly #held = new Map<string, Message[]>()
  readonly #options: EngineLinksOptions

  constructor(options: EngineLinksOptions) {
    this.#options = options
  }

  /** The engine is registered from now on. */
  admit(engine: string): void {
    this.#identities.set(engine, Buffer.from(engine, 'latin1'))
  }

  dismiss(engine: string): void {
    this.#identities.delete(engine)
    this.#held.delete(engine)
  }

  isConnected(engine: string): boolean {
    return this.#connections.has(engine)
  }

  peer(event: PeerEvent): void {
    const engine = event.identity.toString('latin1')
    const before = this.#connections.get(engine) ?? 0
    const now = before + (event.type === 'peer_joined' ? 1 : -1)
    if (now > 0) this.#connections.set(engine, now)
    else this.#connections.delete(engine)
    if (now > 0 && before === 0) {
      this.#options.onJoined(engine)
      const held = this.#held.get(engine)
      this.#held.delete(engine)
      for (const message of held ?? []) this.#options.send(message)
    } else if (now <= 0 && before > 0) this.#options.onLost(engine)
  }

  /** @param rest - what follows the engine's identity, but for the last frame, which is still coming in. */
  passOn(engine: string, rest: Message, arrival: Arrival): void {
    const identity = this.#identities.get(engine)
    if (identity !== undefined) this.#options.passOn([identity, ...rest], arrival)
  }

  /** @param rest - what follows the engine's identity. */
  send(engine: string, rest: Message): void {
    const identity = this.#identities.get(engine)
    if (identity === undefined) return
    const message = [identity, ...rest]
    if (this.#options.send(message) !== 'unroutable') return
    const held = this.#held.get(engine)
    if (held === undefined) this.#held.set(engine, [message])
    else held.push(message)
  }
}
