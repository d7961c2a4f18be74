import type { Link } from './link.ts'
import type { Pattern, PatternHost } from './pattern.ts'
import type { Frame, Message, SendOutcome } from './socket.ts'
import { TopicSet } from './state/topic-set.ts'

/** A peer that asks for more than this is no subscriber but an attack. */
const TOPICS_MAX = 65_536
const TOPIC_BYTES_MAX = 16 * 1024 * 1024

const SUBSCRIBE = Buffer.from([1])
const CANCEL = Buffer.from([0])

/**
 * PUB and XPUB: a message goes to every peer that asked for the beginning of its first frame. A peer whose queue is
 * over the mark does not get it, and the loss is counted: one slow listener must not hold up the rest.
 *
 * An XPUB also hands its application what is asked for: `01 topic` when the first peer does, `00 topic` when the last
 * no longer does.
 */
export class PublisherPattern implements Pattern {
  readonly waitingBytes = 0
  readonly messagesTaken = 0
  readonly messagesHanded = 0
  readonly #host: PatternHost
  readonly #tells: boolean
  readonly #links = new Map<Link, TopicSet>()
  /** What all peers together ask for. */
  readonly #wanted = new TopicSet()
  readonly #onDrop: (link: Link) => void

  constructor(host: PatternHost, tells: boolean, onDrop: (link: Link) => void) {
    this.#host = host
    this.#tells = tells
    this.#onDrop = onDrop
  }

  opened(link: Link): undefined {
    this.#links.set(link, new TopicSet())
  }

  closed(link: Link): void {
    const topics = this.#links.get(link)
    this.#links.delete(link)
    for (const topic of topics ?? []) this.#unwant(topic)
  }

  topicChanged(link: Link, subscribe: boolean, topic: Buffer): void {
    const topics = this.#links.get(link)
    if (topics === undefined) return
    if (!subscribe) {
      if (topics.delete(topic)) this.#unwant(topic)
      return
    }
    if (topics.size >= TOPICS_MAX || topics.bytes + topic.length > TOPIC_BYTES_MAX) {
      link.close('too many subscriptions')
      return
    }
    if (topics.add(topic) && this.#wanted.add(topic)) this.#tell(SUBSCRIBE, topic)
  }

  received(_link: Link, message: Frame[]): void {
    // Only an XSUB can send these; a PUB has nobody to hand them to.
    if (this.#tells) this.#host.deliver(message)
  }

  send(message: Message): SendOutcome {
    const text = message[0]!
    for (const [link, topics] of this.#links) {
      if (!topics.matches(text)) continue
      if (link.waitingBytes > this.#host.highWaterMarkBytes) this.#onDrop(link)
      else link.send(message)
    }
    return 'ok'
  }

  subscribe(): void {}
  unsubscribe(): void {}

  #unwant(topic: Buffer): void {
    if (this.#wanted.delete(topic)) this.#tell(CANCEL, topic)
  }

  #tell(what: Buffer, topic: Buffer): void {
    if (this.#tells) this.#host.deliver([Buffer.concat([what, topic])])
  }
}
