import { Queue } from '../base/queue.ts'
import { type Link, messageBytes } from './link.ts'
import type { Pattern, PatternHost } from './pattern.ts'
import type { Frame, Message, SendOutcome } from './socket.ts'

/** DEALER: messages go to the peers in turn; while there is none they wait, and keep their order. */
export class DealerPattern implements Pattern {
  messagesTaken = 0
  messagesHanded = 0
  readonly #host: PatternHost
  readonly #links: Link[] = []
  #turn = 0
  readonly #waiting = new Queue<Message>()
  #waitingBytes = 0

  constructor(host: PatternHost) {
    this.#host = host
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  opened(link: Link): undefined {
    this.#links.push(link)
    this.#passOn()
  }

  closed(link: Link, unsent: readonly Message[]): void {
    const index = this.#links.indexOf(link)
    if (index >= 0) this.#links.splice(index, 1)
    for (const message of unsent.toReversed()) {
      this.messagesTaken += 1
      this.#waiting.unshift(message)
      this.#waitingBytes += messageBytes(message)
    }
    if (this.#links.length > 0) this.#passOn()
  }

  received(_link: Link, message: Frame[]): void {
    this.#host.deliver(message)
  }

  send(message: Message): SendOutcome {
    const mark = this.#host.highWaterMarkBytes
    const link = this.#choose(mark)
    if (link === undefined) {
      this.messagesTaken += 1
      this.#waiting.push(message)
      this.#waitingBytes += messageBytes(message)
      return this.#waitingBytes > mark ? 'full' : 'ok'
    }
    link.send(message)
    return link.waitingBytes > mark ? 'full' : 'ok'
  }

  topicChanged(): void {}
  subscribe(): void {}
  unsubscribe(): void {}

  /** The next link in turn whose queue is not full; the next in turn where all are. */
  #choose(mark: number): Link | undefined {
    const links = this.#links
    if (links.length <= 1) return links[0]
    for (let tried = 0; tried < links.length; tried++) {
      const link = links[this.#turn % links.length]!
      this.#turn = (this.#turn + 1) % links.length
      if (link.waitingBytes <= mark) return link
    }
    return links[this.#turn]
  }

  #passOn(): void {
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      this.#waitingBytes -= messageBytes(message)
      this.messagesHanded += 1
      this.#choose(this.#host.highWaterMarkBytes)!.send(message)
    }
  }
}
