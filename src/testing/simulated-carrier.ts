import type { Millis } from '../base/clock.ts'
import { socketIdentity } from '../transport/identity.ts'
import type { Carrier, LinkHost } from '../transport/link.ts'
import type { SocketOptions, SocketType } from '../transport/socket.ts'
import type { SimulatedProcess } from './simulated-clock.ts'
import { SimulatedLink } from './simulated-link.ts'
import { portOf, type SimulatedNetwork } from './simulated-network.ts'

const RECONNECT_MS: Millis = 50

export interface CarrierOptions {
  readonly type: SocketType
  readonly options: SocketOptions
  readonly host: LinkHost
  readonly process: SimulatedProcess
  readonly network: SimulatedNetwork
}

/** Listens and connects for one socket of one process. */
export class SimulatedCarrier implements Carrier {
  readonly process: SimulatedProcess
  readonly #options: CarrierOptions
  readonly #identity: Buffer
  /** By port: the connection that is kept there, or the next attempt to make it. */
  readonly #calls = new Map<number, { link: SimulatedLink | undefined; cancel: () => void }>()
  readonly #links = new Set<SimulatedLink>()
  #callers = 0

  constructor(options: CarrierOptions) {
    this.#options = options
    this.process = options.process
    this.#identity = socketIdentity(options.options.identity)
  }

  async bind(url: string): Promise<string> {
    const port = this.#options.network.listen(this, url)
    return `${url.slice(0, url.lastIndexOf(':'))}:${port}`
  }

  connect(url: string): void {
    const port = portOf(url)
    if (!this.#calls.has(port)) this.#callIn(port, this.#options.network.latencyMs())
  }

  disconnect(url: string): void {
    const port = portOf(url)
    const call = this.#calls.get(port)
    this.#calls.delete(port)
    call?.cancel()
    call?.link?.close('closed by us')
  }

  pause(): void {}

  resume(): void {}

  async close(): Promise<void> {
    this.#options.network.unlisten(this)
    for (const call of this.#calls.values()) call.cancel()
    this.#calls.clear()
    for (const link of [...this.#links]) link.close('closed by us')
  }

  #callIn(port: number, delayMs: Millis): void {
    const cancel = this.process.after(delayMs, () => this.#call(port))
    this.#calls.set(port, { link: undefined, cancel })
  }

  #call(port: number): void {
    const listener = this.#options.network.listenerAt(port)
    if (listener === undefined) {
      this.#callIn(port, RECONNECT_MS)
      return
    }
    listener.#callers += 1
    const here = this.#makeLink(listener, `127.0.0.1:${port}`, port, true)
    const there = listener.#makeLink(this, `127.0.0.1:${100_000 + listener.#callers}`, port, false)
    this.#calls.set(port, { link: here, cancel: () => {} })
    SimulatedLink.join(here, there)
  }

  #makeLink(peer: SimulatedCarrier, remote: string, port: number, isCaller: boolean): SimulatedLink {
    const { type, options, host, network, process } = this.#options
    const isNamed = type === 'ROUTER' || type === 'DEALER'
    const link = new SimulatedLink({
      network,
      process,
      host,
      identity: isNamed ? peer.#identity : Buffer.alloc(0),
      remote,
      port,
      isCaller,
      keepsUnsent: type === 'DEALER' && options.forgetsUnsent !== true,
      onClosed: closed => {
        this.#links.delete(closed)
        if (this.#calls.get(port)?.link === closed)
          this.#callIn(port, RECONNECT_MS * (1 + network.random.next()))
      },
    })
    this.#links.add(link)
    return link
  }
}
