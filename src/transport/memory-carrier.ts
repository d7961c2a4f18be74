import type { Millis } from '../base/clock.ts'
import { socketIdentity } from './identity.ts'
import type { Carrier, LinkHost } from './link.ts'
import { MemoryLink } from './memory-link.ts'
import type { MemoryCaller, MemoryListener, MemoryNetwork } from './memory-network.ts'
import type { SocketOptions, SocketType } from './socket.ts'
import { ZMTP_PARTNERS } from './state/zmtp-machine.ts'

const RECONNECT_MS = 50

/** Listens and connects inside one process, for one socket. */
export class MemoryCarrier implements Carrier, MemoryListener {
  readonly #type: SocketType
  readonly #identity: Buffer
  readonly #host: LinkHost
  readonly #network: MemoryNetwork
  readonly #pauseMs: Millis
  readonly #calls = new Map<string, MemoryCall>()
  readonly #links = new Set<MemoryLink>()
  #paused = false
  #closing = false
  #onEmpty: (() => void) | undefined

  constructor(type: SocketType, options: SocketOptions, host: LinkHost, network: MemoryNetwork) {
    this.#type = type
    this.#identity = socketIdentity(options.identity)
    this.#host = host
    this.#network = network
    this.#pauseMs = options.reconnect?.minMs ?? RECONNECT_MS
  }

  async bind(url: string): Promise<string> {
    return this.#network.listen(this, url)
  }

  connect(url: string): void {
    if (this.#calls.has(url)) return
    const call = new MemoryCall(this, url, this.#network, this.#pauseMs)
    this.#network.want(call, url)
    this.#calls.set(url, call)
  }

  disconnect(url: string): void {
    this.#calls.get(url)?.stop()
    this.#calls.delete(url)
  }

  pause(): void {
    this.#paused = true
    for (const link of this.#links) link.pause()
  }

  resume(): void {
    this.#paused = false
    for (const link of this.#links) link.resume()
  }

  async close(lingerMs: number): Promise<void> {
    this.#closing = true
    this.#network.unlisten(this)
    for (const call of this.#calls.values()) call.stop()
    if (lingerMs > 0) for (const link of this.#links) link.end()
    await this.#emptied(lingerMs)
    for (const link of this.#links) link.close('closed by us')
  }

  accept(caller: MemoryCaller): void {
    if (!(caller instanceof MemoryCall) || this.#closing) return
    const other = caller.carrier
    // As over TCP, sockets that do not fit find no connection; what is sent waits.
    if (!ZMTP_PARTNERS[this.#type].includes(other.#type)) return
    const here = this.#makeLink(other.#identity, () => {})
    const there = other.#makeLink(this.#identity, () => caller.lost())
    caller.link = there
    MemoryLink.join(this.#network, here, there)
  }

  #makeLink(peerIdentity: Buffer, onClosed: () => void): MemoryLink {
    const named = this.#type === 'ROUTER' || this.#type === 'DEALER'
    const link = new MemoryLink(this.#network, this.#host, named ? peerIdentity : Buffer.alloc(0), closed => {
      this.#links.delete(closed)
      if (this.#links.size === 0) this.#onEmpty?.()
      onClosed()
    })
    this.#links.add(link)
    if (this.#paused) link.pause()
    return link
  }

  async #emptied(lingerMs: number): Promise<void> {
    if (this.#links.size === 0 || lingerMs <= 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, lingerMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** One `connect`: keeps one link to one address as long as it is wanted. */
class MemoryCall implements MemoryCaller {
  readonly carrier: MemoryCarrier
  link: MemoryLink | undefined
  readonly #url: string
  readonly #network: MemoryNetwork
  readonly #pauseMs: Millis
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(carrier: MemoryCarrier, url: string, network: MemoryNetwork, pauseMs: Millis) {
    this.#pauseMs = pauseMs
    this.carrier = carrier
    this.#url = url
    this.#network = network
  }

  call(listener: MemoryListener): void {
    if (this.link === undefined && !this.#stopped) listener.accept(this)
  }

  lost(): void {
    this.link = undefined
    this.#network.unwant(this, this.#url)
    if (this.#stopped) return
    this.#cancel = this.#network.clock.after(this.#pauseMs, () => this.#network.want(this, this.#url))
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
    this.#network.unwant(this, this.#url)
    this.link?.end()
  }
}
