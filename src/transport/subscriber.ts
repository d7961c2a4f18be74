import { UsageError } from '../errors.ts'
import type { Link } from './link.ts'
import type { Pattern, PatternHost } from './pattern.ts'
import type { Frame, Message, SendOutcome } from './socket.ts'
import { TopicSet } from './state/topic-set.ts'

/**
 * SUB and XSUB: tells every publisher, new ones in the first write after the handshake, what it wants to hear. What
 * comes unasked is not delivered: a publisher may not have heard of a cancellation yet.
 *
 * An XSUB may also send: `01 topic` and `00 topic` are subscriptions, everything else goes to all publishers.
 */
export class SubscriberPattern implements Pattern {
  readonly waitingBytes = 0
  readonly messagesTaken = 0
  readonly messagesHanded = 0
  readonly #host: PatternHost
  readonly #maySend: boolean
  readonly #links = new Set<Link>()
  readonly #topics = new TopicSet()

  constructor(host: PatternHost, maySend: boolean) {
    this.#host = host
    this.#maySend = maySend
  }

  opened(link: Link): undefined {
    this.#links.add(link)
    for (const topic of this.#topics) link.sendTopic(true, topic)
  }

  closed(link: Link): void {
    this.#links.delete(link)
  }

  received(_link: Link, message: Frame[]): void {
    if (this.#topics.matches(message[0]!)) this.#host.deliver(message)
  }

  send(message: Message): SendOutcome {
    if (!this.#maySend) throw new UsageError('a SUB socket cannot send; use an XSUB')
    const first = message[0]!
    if (message.length === 1 && first.length > 0 && first[0]! <= 1) {
      if (first[0] === 1) this.subscribe(first.subarray(1))
      else this.unsubscribe(first.subarray(1))
      return 'ok'
    }
    let full = false
    for (const link of this.#links) {
      link.send(message)
      full ||= link.waitingBytes > this.#host.highWaterMarkBytes
    }
    return full ? 'full' : 'ok'
  }

  subscribe(topic: Buffer): void {
    if (!this.#topics.add(topic)) return
    for (const link of this.#links) link.sendTopic(true, topic)
  }

  unsubscribe(topic: Buffer): void {
    if (!this.#topics.delete(topic)) return
    for (const link of this.#links) link.sendTopic(false, topic)
  }

  topicChanged(): void {}
}
