import type { Millis } from '../base/clock.ts'
import { Queue } from '../base/queue.ts'
import type { Link, LinkHost } from '../transport/link.ts'
import type { Message } from '../transport/socket.ts'
import type { SimulatedProcess } from './simulated-clock.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

type Parcel =
  | {
      readonly type: 'message'
      readonly message: Message
      /** It comes for the second time. */
      readonly again: boolean
      readonly atMs: Millis
    }
  | {
      readonly type: 'topic'
      readonly subscribe: boolean
      readonly topic: Buffer
      readonly atMs: Millis
    }
  | { readonly type: 'end'; readonly cause: string; readonly atMs: Millis }

type Unsent<T> = T extends Parcel ? Omit<T, 'atMs'> : never

export interface LinkEnd {
  readonly network: SimulatedNetwork
  readonly process: SimulatedProcess
  readonly host: LinkHost
  /** What the peer calls itself, and where it is. */
  readonly identity: Buffer
  readonly remote: string
  /** The port that is listened at, by whichever of the two. */
  readonly port: number
  readonly isCaller: boolean
  /** What was not sent yet when a connection breaks is kept for the next one. */
  readonly keepsUnsent: boolean
  readonly onClosed: (link: SimulatedLink) => void
}

/** One end of a connection. What the other end has sent, and this one not taken yet, is under way in its inbox. */
export class SimulatedLink implements Link {
  identity: Buffer
  readonly remote: string
  readonly waitingBytes = 0
  messagesTaken = 0
  readonly port: number
  readonly process: SimulatedProcess
  readonly isCaller: boolean
  readonly #end: LinkEnd
  #other!: SimulatedLink
  #inbox = new Queue<Parcel>()
  #state: 'opening' | 'open' | 'closed' = 'opening'
  /** The connection is broken, which this end may not have noticed. */
  #isBroken = false
  /** What was sent since it broke, and before. */
  #unsent: Message[] = []
  #lastAtMs: Millis = 0
  #isWoken = false

  constructor(end: LinkEnd) {
    this.#end = end
    this.identity = end.identity
    this.remote = end.remote
    this.port = end.port
    this.process = end.process
    this.isCaller = end.isCaller
    end.network.made(this)
  }

  /** Joins two ends. Both open: the one that listens first, as after a handshake. */
  static join(caller: SimulatedLink, listener: SimulatedLink): void {
    caller.#other = listener
    listener.#other = caller
    listener.#openSoon(() => caller.#openSoon())
  }

  get other(): SimulatedLink {
    return this.#other
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get messagesHanded(): number {
    return this.messagesTaken
  }

  send(message: Message): void {
    this.messagesTaken += 1
    const { network } = this.#end
    network.watch.sent(this, message)
    if (this.#isBroken) {
      this.#unsent.push(message)
      return
    }
    const { drop } = network.faults
    if (drop > 0 && network.lossyPorts.has(this.port) && network.random.chance(drop)) {
      network.watch.lost(this, message)
      return
    }
    this.#other.#arrive({ type: 'message', message, again: false })
    const { duplicate } = network.faults
    if (duplicate > 0 && network.random.chance(duplicate))
      this.#other.#arrive({ type: 'message', message, again: true })
  }

  sendTopic(subscribe: boolean, topic: Buffer): void {
    if (!this.#isBroken) this.#other.#arrive({ type: 'topic', subscribe, topic })
  }

  /** Ends the connection from this side: what was sent arrives all the same. */
  close(cause: string): void {
    if (this.#state === 'closed') return
    if (!this.#isBroken) this.#other.#arrive({ type: 'end', cause: 'connection closed by the peer' })
    this.#finish(cause, [])
  }

  /** The connection breaks. Some of what is under way still arrives, some comes back, and the rest is lost. */
  break(noticeMsMax: Millis): void {
    if (this.#isBroken || this.#state === 'closed') return
    for (const end of [this, this.#other]) {
      const { random, clock } = end.#end.network
      end.#isBroken = true
      const lost = end.#cutInbox(random.between(0, end.#inbox.length))
      const keeps = random.chance(0.5) ? random.between(0, lost.length) : lost.length
      for (const message of lost.slice(0, keeps)) end.#end.network.watch.lost(end.#other, message)
      end.#other.#unsent.unshift(...lost.slice(keeps))
      clock.after(random.next() * noticeMsMax, () => end.process.run(() => end.#noticeBreak()))
    }
  }

  /** Its process was killed. */
  vanish(): void {
    if (this.#state === 'closed') return
    const { random, watch } = this.#end.network
    for (const message of this.#cutInbox(0)) watch.lost(this.#other, message)
    for (const message of this.#other.#cutInbox(random.between(0, this.#other.#inbox.length)))
      watch.lost(this, message)
    this.#state = 'closed'
    this.#end.network.closed(this)
    if (!this.#isBroken) this.#other.#arrive({ type: 'end', cause: 'connection closed by the peer' })
    this.#other.#isBroken = true
    if (this.#other.#state === 'opening') this.#other.#giveUpSoon()
  }

  /** Whoever should have accepted the connection is dead. */
  #giveUpSoon(): void {
    const { clock } = this.#end.network
    clock.after(this.#end.network.latencyMs(), () =>
      this.process.run(() => {
        if (this.#state === 'opening') this.#finish('connection closed by the peer', [])
      }),
    )
  }

  /** Takes what is under way to this end out again, but for the first `kept`. */
  #cutInbox(kept: number): Message[] {
    const all = [...this.#inbox]
    this.#inbox.clear()
    for (const parcel of all.slice(0, kept)) this.#inbox.push(parcel)
    return all
      .slice(kept)
      .flatMap(parcel => (parcel.type === 'message' && !parcel.again ? [parcel.message] : []))
  }

  #noticeBreak(): void {
    if (this.#state === 'closed') return
    // What did arrive was there before the end.
    this.#takeDue(Number.POSITIVE_INFINITY)
    if (this.#isOver()) return
    const { random, watch } = this.#end.network
    if (random.chance(0.5)) for (const message of this.#unsent.splice(0)) watch.lost(this, message)
    this.#finish('connection reset', this.#unsent)
  }

  #isOver(): boolean {
    return this.#state === 'closed'
  }

  #openSoon(then: () => void = () => {}): void {
    const { network } = this.#end
    network.clock.after(network.latencyMs(), () =>
      this.process.run(() => {
        if (this.#state !== 'opening') return
        if (this.#isBroken) {
          this.#noticeBreak()
          return
        }
        if (!this.#other.process.isAlive) {
          this.#finish('connection closed by the peer', [])
          return
        }
        this.#state = 'open'
        this.#end.host.opened(this)
        then()
        this.#wakeAt()
      }),
    )
  }

  #arrive(parcel: Unsent<Parcel>): void {
    const { network } = this.#end
    if (this.#state === 'closed') {
      if (parcel.type === 'message') network.watch.lost(this.#other, parcel.message)
      return
    }
    this.#lastAtMs = Math.max(this.#lastAtMs, network.clock.nowMs() + network.latencyMs())
    this.#inbox.push({ ...parcel, atMs: this.#lastAtMs } as Parcel)
    this.#wakeAt()
  }

  #wakeAt(): void {
    const first = this.#inbox.peek()
    if (first === undefined || this.#isWoken || this.#state !== 'open') return
    const { clock } = this.#end.network
    this.#isWoken = true
    clock.after(first.atMs - clock.nowMs(), () =>
      this.process.run(() => {
        this.#isWoken = false
        this.#takeDue(clock.nowMs())
        this.#wakeAt()
      }),
    )
  }

  #takeDue(untilMs: Millis): void {
    if (this.#state !== 'open') return
    for (let parcel = this.#inbox.peek(); parcel !== undefined; parcel = this.#inbox.peek()) {
      if (parcel.atMs > untilMs) break
      this.#inbox.shift()
      this.#take(parcel)
      if (this.#isOver()) return
    }
    this.#end.host.batchEnded()
  }

  #take(parcel: Parcel): void {
    const { host, network } = this.#end
    switch (parcel.type) {
      case 'message':
        network.watch.delivered(this, parcel.message, parcel.again)
        host.received(this, [...parcel.message])
        return
      case 'topic':
        host.topicChanged(this, parcel.subscribe, parcel.topic)
        return
      case 'end':
        this.#finish(parcel.cause, this.#unsent)
    }
  }

  #finish(cause: string, unsent: Message[]): void {
    const wasOpen = this.#state === 'open'
    this.#state = 'closed'
    const { host, network, onClosed } = this.#end
    for (const message of this.#cutInbox(0)) network.watch.lost(this.#other, message)
    if (!this.#end.keepsUnsent) for (const message of unsent) network.watch.lost(this, message)
    network.closed(this)
    if (wasOpen) host.closed(this, cause, unsent)
    onClosed(this)
  }
}
