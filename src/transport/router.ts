import { randomInt } from 'node:crypto'
import { LocalProtocolError } from '../errors.ts'
import type { Arrival } from './arrival.ts'
import type { Link } from './link.ts'
import type { Pattern, PatternHost } from './pattern.ts'
import type { Frame, Message, SendOutcome } from './socket.ts'

/**
 * ROUTER: a message goes to the peer that its first frame names, and comes with the name of its sender.
 *
 * A new connection with a name in use replaces the old one. libzmq leaves the newcomer connected and mute instead; an
 * engine that came back before its old connection was noticed to be dead would then never be heard again.
 */
export class RouterPattern implements Pattern {
  readonly waitingBytes = 0
  readonly messagesTaken = 0
  readonly messagesHanded = 0
  readonly #host: PatternHost
  /** By identity as latin1 text. */
  readonly #links = new Map<string, Link>()
  #nextName = randomInt(0x1_0000_0000)

  constructor(host: PatternHost) {
    this.#host = host
  }

  opened(link: Link): string | undefined {
    if (link.identity.length === 0) link.identity = this.#freshName()
    const name = link.identity.toString('latin1')
    const old = this.#links.get(name)
    if (old !== undefined && link.identity[0] === 0) {
      // We make such names for peers without one: nobody may take what is for another by guessing its name.
      return 'took a name that was made for another'
    }
    this.#links.set(name, link)
    old?.close('replaced by a new connection of the same name')
    return undefined
  }

  closed(link: Link): void {
    const name = link.identity.toString('latin1')
    if (this.#links.get(name) === link) this.#links.delete(name)
  }

  received(link: Link, message: Frame[]): void {
    message.unshift(link.identity)
    this.#host.deliver(message)
  }

  send(message: Message): SendOutcome {
    if (message.length < 2)
      throw new LocalProtocolError("a ROUTER sends a peer's identity and at least one frame")
    const link = this.#links.get(message[0]!.toString('latin1'))
    if (link === undefined) return 'unroutable'
    link.send(message.slice(1))
    return link.waitingBytes > this.#host.highWaterMarkBytes ? 'full' : 'ok'
  }

  passOn(head: Message, arrival: Arrival): void {
    // Should it have to be disconnected, a peer without a name of its own would come back as another.
    if (head[0]![0] === 0) return
    this.#links.get(head[0]!.toString('latin1'))?.passOn?.(head.slice(1), arrival)
  }

  topicChanged(): void {}
  subscribe(): void {}
  unsubscribe(): void {}

  /** As libzmq makes them: a zero byte, which no chosen name begins with, and a counter. */
  #freshName(): Buffer {
    const name = Buffer.alloc(5)
    do {
      name.writeUInt32BE(this.#nextName, 1)
      this.#nextName = (this.#nextName + 1) % 0x1_0000_0000
    } while (this.#links.has(name.toString('latin1')))
    return name
  }
}
