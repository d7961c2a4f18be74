/**
 * A network between simulated processes, with the faults that TCP has. The sockets on it are the real ones.
 *
 * What holds, as over TCP: on one connection messages arrive in order, each once. Between connections nothing is
 * promised. A connection that breaks takes along what was under way, and each end hears of it in its own time; whoever
 * connected does so again. The data of a killed process may still arrive. Of what a socket had taken when the
 * connection broke, the last messages may not have left yet: those it keeps, to send them again.
 *
 * Beyond TCP, because receivers claim to bear it: any message may come twice (sessions drop replays), and what is
 * published may get lost.
 */

import type { Millis } from '../base/clock.ts'
import { ConnectionError } from '../errors.ts'
import { PatternSocket } from '../transport/pattern-socket.ts'
import type { Message, SocketType, Transport } from '../transport/socket.ts'
import type { SeededRandom } from './random.ts'
import { SimulatedCarrier } from './simulated-carrier.ts'
import type { SimulatedClock, SimulatedProcess } from './simulated-clock.ts'
import type { SimulatedLink } from './simulated-link.ts'

/** How bad the network is. Probabilities, each a message or a connection. */
export interface NetworkFaults {
  /** A message is long under way. */
  delay: number
  /** At most so long. */
  delayMsMax: Millis
  /** A message comes twice. */
  duplicate: number
  /** A published message gets lost. */
  drop: number
}

export const NO_FAULTS: NetworkFaults = { delay: 0, delayMsMax: 0, duplicate: 0, drop: 0 }

/** What is told about messages on their way. `port` is the one that was listened at. */
export interface NetworkWatch {
  sent(link: SimulatedLink, message: Message): void
  /** @param again - for the second time, by the network's own doing. */
  delivered(link: SimulatedLink, message: Message, again: boolean): void
  lost(link: SimulatedLink, message: Message): void
}

const FIRST_PORT = 50_000
const LATENCY_MS: Millis = 0.05

export class SimulatedNetwork {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly watch: NetworkWatch
  faults: NetworkFaults = { ...NO_FAULTS }
  /** Ports whose messages may get lost: those whose receivers claim to bear it. */
  readonly lossyPorts = new Set<number>()
  readonly #listeners = new Map<number, SimulatedCarrier>()
  readonly #links = new Set<SimulatedLink>()
  #nextPort = FIRST_PORT

  constructor(clock: SimulatedClock, random: SeededRandom, watch: NetworkWatch) {
    this.clock = clock
    this.random = random
    this.watch = watch
  }

  /** The sockets of one process. */
  transport(process: SimulatedProcess): Transport {
    return {
      socket: (type: SocketType, options = {}) =>
        new PatternSocket(
          type,
          options,
          host => new SimulatedCarrier({ type, options, host, process, network: this }),
        ),
    }
  }

  listen(carrier: SimulatedCarrier, url: string): number {
    const wanted = portOf(url)
    const port = wanted === 0 ? this.#nextPort++ : wanted
    if (this.#listeners.has(port)) throw new ConnectionError(`cannot listen on ${url}: it is in use`)
    this.#listeners.set(port, carrier)
    return port
  }

  unlisten(carrier: SimulatedCarrier): void {
    for (const [port, other] of this.#listeners) if (other === carrier) this.#listeners.delete(port)
  }

  listenerAt(port: number): SimulatedCarrier | undefined {
    const listener = this.#listeners.get(port)
    return listener?.process.isAlive === true ? listener : undefined
  }

  get linkCount(): number {
    return this.#links.size
  }

  made(link: SimulatedLink): void {
    this.#links.add(link)
  }

  closed(link: SimulatedLink): void {
    this.#links.delete(link)
  }

  /** How long the next message is under way. */
  latencyMs(): Millis {
    const { delay, delayMsMax } = this.faults
    const base = LATENCY_MS * (1 + this.random.next())
    return delay > 0 && this.random.chance(delay) ? base + this.random.next() * delayMsMax : base
  }

  /** Connections that a process made: each is the end at its own side. */
  connectionsOf(process: SimulatedProcess): SimulatedLink[] {
    return [...this.#links].filter(link => link.process === process && link.isCaller)
  }

  /** The process is gone, and all that it had with it. Its peers hear of it soon. */
  killed(process: SimulatedProcess): void {
    process.die()
    for (const [port, { process: owner }] of this.#listeners)
      if (owner === process) this.#listeners.delete(port)
    for (const link of [...this.#links]) if (link.process === process) link.vanish()
  }
}

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
