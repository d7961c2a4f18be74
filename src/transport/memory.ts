import { type Clock, systemClock } from '../base/clock.ts'
import { MemoryCarrier } from './memory-carrier.ts'
import { MemoryNetwork } from './memory-network.ts'
import { PatternSocket } from './pattern-socket.ts'
import type { Transport } from './socket.ts'

export interface MemoryTransportOptions {
  /** Runs a task soon, never at once, and tasks in their order. Default: as a microtask. */
  readonly defer?: (task: () => void) => void
  /** Measures the pause before a lost connection is made again. Default: the system's. */
  readonly clock?: Clock
}

/**
 * A network inside this process, for tests and simulations: the same sockets as over TCP, without bytes, handshakes or
 * the system. What happens depends on nothing but the order of the calls.
 *
 * Each call makes a network of its own. Addresses are `inproc://name`; `tcp://host:port` is taken too, with every host
 * meaning this one and port 0 a fresh port.
 *
 * @example
 * ```ts
 * const transport = memoryTransport()
 * const router = transport.socket('ROUTER', { onMessage: message => router.send(message) })
 * const url = await router.bind('inproc://echo')
 * ```
 */
export function memoryTransport(options: MemoryTransportOptions = {}): Transport {
  const network = new MemoryNetwork(options.defer ?? queueMicrotask, options.clock ?? systemClock)
  return {
    socket(type, socketOptions = {}) {
      return new PatternSocket(
        type,
        socketOptions,
        host => new MemoryCarrier(type, socketOptions, host, network),
      )
    },
  }
}
