import { type Deferred, deferred } from '../base/deferred.ts'
import { LocalProtocolError, UsageError } from '../errors.ts'
import type { Arrival } from './arrival.ts'
import { AwaitedPeers } from './awaited-peers.ts'
import { DealerPattern } from './dealer.ts'
import type { Carrier, Link, LinkHost } from './link.ts'
import type { Pattern, PatternHost } from './pattern.ts'
import { PublisherPattern } from './publisher.ts'
import { RouterPattern } from './router.ts'
import type { Frame, Message, SendOutcome, Socket, SocketOptions, SocketType } from './socket.ts'
import { SubscriberPattern } from './subscriber.ts'

const HIGH_WATER_MARK_BYTES = 64 * 1024 * 1024
const LINGER_MS = 1000

/** Who waits for what was sent until now: per source of messages, how many it must have handed on. */
interface FlushWaiter {
  readonly done: Deferred<void>
  /** Undefined once what waited in the pattern has gone to links. */
  patternMark: number | undefined
  readonly linkMarks: Map<Link, number>
}

/** A socket of any type on any carrier: joins the two, and keeps those who wait for its queues. */
export class PatternSocket implements Socket, LinkHost, PatternHost {
  readonly type: SocketType
  readonly highWaterMarkBytes: number
  /** Messages that a publisher did not send to peers over their high-water mark. */
  messagesDropped = 0
  readonly #options: SocketOptions
  readonly #pattern: Pattern
  readonly #carrier: Carrier
  readonly #links = new Set<Link>()
  readonly #awaited = new AwaitedPeers()
  #drainWaiters: Deferred<void>[] = []
  #flushWaiters: FlushWaiter[] = []
  #closed: Promise<void> | undefined

  constructor(type: SocketType, options: SocketOptions, makeCarrier: (host: LinkHost) => Carrier) {
    this.type = type
    this.#options = options
    this.highWaterMarkBytes = options.sendHighWaterMarkBytes || HIGH_WATER_MARK_BYTES
    if (options.sendHighWaterMarkBytes === 0) this.highWaterMarkBytes = Number.POSITIVE_INFINITY
    this.#pattern = this.#makePattern()
    this.#carrier = makeCarrier(this)
  }

  async bind(url: string): Promise<string> {
    this.#assertOpen()
    return this.#carrier.bind(url)
  }

  connect(url: string): void {
    this.#assertOpen()
    this.#carrier.connect(url)
  }

  disconnect(url: string): void {
    this.#carrier.disconnect(url)
  }

  send(message: Message): SendOutcome {
    if (this.#closed !== undefined) return 'unroutable'
    if (message.length === 0) throw new LocalProtocolError('a message has at least one frame')
    const outcome = this.#pattern.send(message)
    return outcome === 'unroutable' && this.#awaited.keep(message) ? 'ok' : outcome
  }

  passOn(head: Message, arrival: Arrival): void {
    if (this.#closed === undefined) this.#pattern.passOn?.(head, arrival)
  }

  subscribe(topic: string | Uint8Array): void {
    this.#assertSubscribes()
    this.#pattern.subscribe(Buffer.from(topic))
  }

  unsubscribe(topic: string | Uint8Array): void {
    this.#assertSubscribes()
    this.#pattern.unsubscribe(Buffer.from(topic))
  }

  pause(): void {
    this.#carrier.pause()
  }

  resume(): void {
    this.#carrier.resume()
  }

  drained(): Promise<void> {
    if (this.#closed !== undefined || this.#isDrained()) return Promise.resolve()
    const waiter = deferred<void>()
    this.#drainWaiters.push(waiter)
    return waiter.promise
  }

  flushed(): Promise<void> {
    const waiter: FlushWaiter = {
      done: deferred(),
      patternMark: this.#pattern.messagesTaken,
      linkMarks: new Map(),
    }
    for (const link of this.#links) waiter.linkMarks.set(link, link.messagesTaken)
    if (this.#closed !== undefined || this.#isFlushed(waiter)) waiter.done.resolve()
    else this.#flushWaiters.push(waiter)
    return waiter.done.promise
  }

  close(lingerMs = LINGER_MS): Promise<void> {
    this.#closed ??= this.#carrier.close(lingerMs).finally(() => this.#wakeAll())
    this.#awaited.clear()
    return this.#closed
  }

  // What the carrier tells.

  opened(link: Link): void {
    const refusal = this.#pattern.opened(link)
    if (refusal !== undefined) {
      link.close(refusal)
      return
    }
    this.#links.add(link)
    const { identity, remote } = link
    const waited = this.#awaited.cameBack(identity)
    if (waited === undefined) this.#options.onPeer?.({ type: 'peer_joined', identity, remote })
    else for (const message of waited) link.send(message)
    this.#wake()
  }

  received(link: Link, message: Frame[]): void {
    this.#pattern.received(link, message)
  }

  arriving(link: Link, head: readonly Frame[], arrival: Arrival): void {
    if (this.#closed === undefined) this.#options.onArrival?.([link.identity, ...head], arrival)
  }

  batchEnded(): void {
    this.#options.onBatchEnd?.()
  }

  topicChanged(link: Link, subscribe: boolean, topic: Buffer): void {
    this.#pattern.topicChanged(link, subscribe, topic)
  }

  handed(): void {
    this.#wake()
  }

  leaving(link: Link): void {
    this.#pattern.closed(link, [])
  }

  closed(link: Link, cause: string, unsent: Message[]): void {
    if (!this.#links.delete(link)) return
    const isKept = this.#closed === undefined && this.#options.forgetsUnsent !== true
    this.#pattern.closed(link, isKept ? unsent : [])
    for (const waiter of this.#flushWaiters) {
      // What the lost link gave back waits again, and so does whoever waits for it.
      if (waiter.linkMarks.delete(link)) waiter.patternMark = this.#pattern.messagesTaken
    }
    const { identity, remote } = link
    const left = (messagesLost: number): void =>
      this.#options.onPeer?.({ type: 'peer_left', identity, remote, cause, messagesLost })
    if (link.isCutShort === true && this.#closed === undefined) this.#awaited.add(identity, unsent, left)
    else left(this.type === 'DEALER' && isKept ? 0 : unsent.length)
    this.#wake()
  }

  // What the pattern asks.

  deliver(message: Frame[]): void {
    if (this.#closed === undefined) this.#options.onMessage?.(message)
  }

  #makePattern(): Pattern {
    switch (this.type) {
      case 'ROUTER':
        return new RouterPattern(this)
      case 'DEALER':
        return new DealerPattern(this)
      case 'PUB':
      case 'XPUB':
        return new PublisherPattern(this, this.type === 'XPUB', () => {
          this.messagesDropped += 1
        })
      case 'SUB':
      case 'XSUB':
        return new SubscriberPattern(this, this.type === 'XSUB')
    }
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new UsageError(`the ${this.type} socket is closed`)
  }

  #assertSubscribes(): void {
    if (this.type !== 'SUB' && this.type !== 'XSUB')
      throw new UsageError(`a ${this.type} socket has no subscriptions`)
  }

  #isDrained(): boolean {
    if (this.#pattern.waitingBytes > this.highWaterMarkBytes) return false
    for (const link of this.#links) if (link.waitingBytes > this.highWaterMarkBytes) return false
    return true
  }

  #isFlushed(waiter: FlushWaiter): boolean {
    if (waiter.patternMark !== undefined) {
      if (this.#pattern.messagesHanded < waiter.patternMark) return false
      // What waited has just gone to links, behind what they had: wait for all that they hold now.
      waiter.patternMark = undefined
      for (const link of this.#links) waiter.linkMarks.set(link, link.messagesTaken)
    }
    for (const [link, mark] of waiter.linkMarks) {
      if (this.#links.has(link) && link.messagesHanded < mark) return false
    }
    return true
  }

  #wake(): void {
    if (this.#drainWaiters.length > 0 && this.#isDrained()) {
      for (const waiter of this.#drainWaiters.splice(0)) waiter.resolve()
    }
    if (this.#flushWaiters.length === 0) return
    this.#flushWaiters = this.#flushWaiters.filter(waiter => {
      const done = this.#isFlushed(waiter)
      if (done) waiter.done.resolve()
      return !done
    })
  }

  #wakeAll(): void {
    for (const waiter of this.#drainWaiters.splice(0)) waiter.resolve()
    for (const waiter of this.#flushWaiters.splice(0)) waiter.done.resolve()
  }
}
