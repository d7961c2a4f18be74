import type { Clock } from '../base/clock.ts'
import { ConnectionError } from '../errors.ts'
import { parseTcpUrl, tcpUrl } from './tcp-address.ts'

const FIRST_PORT = 49_152

/** Somebody who listens. */
export interface MemoryListener {
  /** Makes a link to `caller`. */
  accept(caller: MemoryCaller): void
}

/** Somebody who wants one link to one address. */
export interface MemoryCaller {
  call(listener: MemoryListener): void
}

/** Who listens where, and who waits for somebody to listen there. */
export class MemoryNetwork {
  /** Runs a task soon, never at once, and tasks in their order. */
  readonly defer: (task: () => void) => void
  readonly clock: Clock
  readonly #listeners = new Map<string, MemoryListener>()
  readonly #callers = new Map<string, Set<MemoryCaller>>()
  #nextPort = FIRST_PORT
  #nextLink = 1

  constructor(defer: (task: () => void) => void, clock: Clock) {
    this.defer = defer
    this.clock = clock
  }

  /** A name for one end of a new link. */
  linkName(): string {
    return `memory:${this.#nextLink++}`
  }

  /** @returns the address in use @throws ConnectionError when another socket listens there */
  listen(listener: MemoryListener, wanted: string): string {
    const url = this.#withPort(wanted)
    const address = addressOf(url)
    if (this.#listeners.has(address)) {
      throw new ConnectionError(
        `cannot listen on ${url}: another socket uses this address. Close it, or choose another address`,
      )
    }
    this.#listeners.set(address, listener)
    for (const caller of this.#callers.get(address) ?? []) caller.call(listener)
    return url
  }

  unlisten(listener: MemoryListener): void {
    for (const [address, other] of this.#listeners) {
      if (other === listener) this.#listeners.delete(address)
    }
  }

  /** Calls `caller` with whoever listens at `url`, at once or as soon as there is somebody. */
  want(caller: MemoryCaller, url: string): void {
    const address = addressOf(url)
    this.#callers.set(address, (this.#callers.get(address) ?? new Set()).add(caller))
    const listener = this.#listeners.get(address)
    if (listener !== undefined) caller.call(listener)
  }

  unwant(caller: MemoryCaller, url: string): void {
    this.#callers.get(addressOf(url))?.delete(caller)
  }

  #withPort(url: string): string {
    if (!url.startsWith('tcp://')) return url
    const { host, port } = parseTcpUrl(url)
    return port === 0 ? tcpUrl(host, this.#nextPort++) : url
  }
}

/** In memory every host is this one. */
function addressOf(url: string): string {
  return url.startsWith('tcp://') ? `tcp:${parseTcpUrl(url).port}` : url
}
