import { Queue } from '../base/queue.ts'
import { type Link, type LinkHost, messageBytes } from './link.ts'
import type { MemoryNetwork } from './memory-network.ts'
import type { Message } from './socket.ts'

/** What one end has sent and the other not seen yet. */
type Parcel =
  | { readonly type: 'message'; readonly message: Message; readonly bytes: number }
  | { readonly type: 'topic'; readonly subscribe: boolean; readonly topic: Buffer }
  | { readonly type: 'end' }

/** One end of a connection in memory. What the other end sends waits in this end's inbox until it is delivered. */
export class MemoryLink implements Link {
  identity: Buffer
  readonly remote: string
  messagesTaken = 0
  messagesHanded = 0
  waitingBytes = 0
  readonly #network: MemoryNetwork
  readonly #host: LinkHost
  readonly #onClosed: (link: MemoryLink) => void
  #other!: MemoryLink
  #inbox = new Queue<Parcel>()
  #state: 'opening' | 'open' | 'ending' | 'closed' = 'opening'
  #paused = false
  #deferred = false

  constructor(
    network: MemoryNetwork,
    host: LinkHost,
    peerIdentity: Buffer,
    onClosed: (link: MemoryLink) => void,
  ) {
    this.#network = network
    this.#host = host
    this.identity = peerIdentity
    this.#onClosed = onClosed
    this.remote = network.linkName()
  }

  /** Joins two ends; both open soon. */
  static join(network: MemoryNetwork, one: MemoryLink, other: MemoryLink): void {
    one.#other = other
    other.#other = one
    network.defer(() => {
      for (const end of [one, other]) end.#open()
    })
  }

  send(message: Message): void {
    const bytes = messageBytes(message)
    this.messagesTaken += 1
    this.waitingBytes += bytes
    this.#other.#arrive({ type: 'message', message, bytes })
  }

  sendTopic(subscribe: boolean, topic: Buffer): void {
    this.#other.#arrive({ type: 'topic', subscribe, topic })
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#deliverSoon()
  }

  /** Closes once the other end has seen everything that was sent. */
  end(): void {
    if (this.#state === 'opening') this.close('closed by us')
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#host.leaving(this)
    this.#other.#arrive({ type: 'end' })
  }

  close(cause: string): void {
    if (this.#state === 'closed') return
    const other = this.#other
    this.#finish(cause)
    this.#network.defer(() => other.#finish('connection closed by the peer'))
  }

  #open(): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.#host.opened(this)
    this.#deliverSoon()
  }

  #arrive(parcel: Parcel): void {
    // An end that leaves delivers nothing more; what still comes is taken back by its sender.
    if (parcel.type === 'end' && this.#state === 'ending') this.#finishBoth()
    else this.#inbox.push(parcel)
    this.#deliverSoon()
  }

  #deliverSoon(): void {
    if (this.#deferred || this.#paused || this.#state !== 'open' || this.#inbox.length === 0) return
    this.#deferred = true
    this.#network.defer(() => this.#deliver())
  }

  /** What is there now is one batch, as one read is over TCP. */
  #deliver(): void {
    this.#deferred = false
    const count = this.#inbox.length
    for (let i = 0; i < count && this.#state === 'open' && !this.#paused; i++)
      this.#take(this.#inbox.shift()!)
    this.#host.batchEnded()
    this.#other.#host.handed(this.#other)
    this.#deliverSoon()
  }

  #take(parcel: Parcel): void {
    switch (parcel.type) {
      case 'message':
        this.#other.waitingBytes -= parcel.bytes
        this.#other.messagesHanded += 1
        this.#host.received(this, [...parcel.message])
        return
      case 'topic':
        this.#host.topicChanged(this, parcel.subscribe, parcel.topic)
        return
      case 'end':
        this.#finishBoth()
    }
  }

  /** The other end left, and this one has seen all of it. */
  #finishBoth(): void {
    this.#finish('connection closed by the peer')
    this.#other.#finish('closed by us')
  }

  #finish(cause: string): void {
    if (this.#state === 'closed') return
    const opened = this.#state !== 'opening'
    this.#state = 'closed'
    // Our own inbox stays as it is: the other end takes back what is in it when it hears of the end.
    const unsent = this.#other.#takeBack()
    this.waitingBytes = 0
    if (opened) this.#host.closed(this, cause, unsent)
    this.#onClosed(this)
  }

  /** Gives the other end back what this one has not seen. */
  #takeBack(): Message[] {
    const unsent: Message[] = []
    for (const parcel of this.#inbox) if (parcel.type === 'message') unsent.push(parcel.message)
    this.#inbox.clear()
    return unsent
  }
}
