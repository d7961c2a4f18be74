/** Which way programs take to a controller on another machine, and the ports that ssh forwards for them. */

import { hostname } from 'node:os'
import type { ClientConnection, EngineConnection } from '../protocol/connection-file.ts'

/** Ports that systems give to nobody by themselves, where as a rule somebody listens to few. */
const FIRST_PORT = 20_000
const PORTS = 10_000
/** How often ports are tried for a tunnel. */
export const TUNNEL_TRIES = 5
const LOOPBACK = '127.0.0.1'

/** Ports that clients connect to. */
const CLIENT_PORTS = ['registration', 'notification', 'control', 'mux', 'task', 'broadcast', 'iopub'] as const
/** Ports that engines connect to, besides those of broadcasts. */
const ENGINE_PORTS = ['registration', 'control', 'mux', 'task', 'iopub', 'hb_ping', 'hb_pong'] as const

/** What the two connection files of a controller hold. */
export interface Connections {
  readonly client: ClientConnection
  readonly engine: EngineConnection
}

/** Whether nobody on another machine can reach what listens there. */
export function isLocalOnly({ interface: address }: Pick<EngineConnection, 'interface'>): boolean {
  return /^tcp:\/\/(127\.|localhost|\[::1\])/.test(address)
}

/**
 * The way of engines on a host to the controller.
 *
 * @param connection - the engines' file as it is here, which may lead through a tunnel from here.
 * @returns the file that leads there, and whether it does so only through a tunnel to here.
 */
export function wayFrom(
  host: string,
  { untunnelled, ...here }: EngineConnection,
  tunnel: boolean | 'auto',
): { readonly connection: EngineConnection; readonly isTunnelled: boolean } {
  const direct = untunnelled?.connection ?? here
  // On the controller's own host nothing is nearer than the controller.
  const isNeighbour = untunnelled !== undefined && bareName(untunnelled.host) === bareName(host)
  const isTunnelled = !isNeighbour && (tunnel === 'auto' ? isLocalOnly(direct) : tunnel)
  return { connection: isTunnelled ? here : direct, isTunnelled }
}

/** A host without the user's name. */
function bareName(host: string): string {
  return host.slice(host.indexOf('@') + 1)
}

/**
 * The connection file for engines at the far end of a tunnel, and ssh's options for that: each of the controller's ports
 * is a port of the far end's own. Somebody may listen there already: then try others.
 *
 * @param target - address at which this machine reaches the controller.
 * @param random - from 0 to below 1.
 */
export function reverseTunnel(
  connection: EngineConnection,
  target: string,
  random: number,
): { readonly connection: EngineConnection; readonly args: readonly string[] } {
  const count = ENGINE_PORTS.length + connection.broadcast.length
  const forwards = new Forwards('-R', target, count, random)
  const engine = {
    ...forwards.lead(connection, ENGINE_PORTS),
    broadcast: forwards.leadAll(connection.broadcast),
  }
  return {
    connection: { ...engine, interface: `tcp://${LOOPBACK}`, location: '' },
    args: forwards.args,
  }
}

/**
 * The connection files for this machine, where a controller on a host is reached through a tunnel, and ssh's options for
 * that. Somebody may listen here already: then try others.
 *
 * @param host - the controller's, as ssh takes it.
 * @param random - from 0 to below 1.
 */
export function forwardTunnel(
  { client, engine }: Connections,
  host: string,
  random: number,
): Connections & { readonly args: readonly string[] } {
  const address = client.interface.slice('tcp://'.length)
  const target = isLocalOnly(client) || address === '*' || address === '0.0.0.0' ? LOOPBACK : address
  const count = CLIENT_PORTS.length + ENGINE_PORTS.length + engine.broadcast.length
  const forwards = new Forwards('-L', target, count, random)
  const place = { interface: `tcp://${LOOPBACK}`, location: hostname() }
  return {
    client: { ...forwards.lead(client, CLIENT_PORTS), ...place },
    engine: {
      ...forwards.lead(engine, ENGINE_PORTS),
      broadcast: forwards.leadAll(engine.broadcast),
      ...place,
      untunnelled: { host, connection: engine },
    },
    args: forwards.args,
  }
}

/** Ports in a row that ssh forwards, one for each port of the controller. */
class Forwards {
  readonly args: string[] = []
  readonly #option: '-L' | '-R'
  readonly #target: string
  readonly #known = new Map<number, number>()
  #next: number

  /** @param count - how many ports there are at most. */
  constructor(option: '-L' | '-R', target: string, count: number, random: number) {
    this.#option = option
    this.#target = target
    this.#next = FIRST_PORT + Math.floor(random * (PORTS - count))
  }

  /** The same connection with other ports under these names. */
  lead<Name extends string, T extends Readonly<Record<Name, number>>>(
    connection: T,
    names: readonly Name[],
  ): T {
    return {
      ...connection,
      ...Object.fromEntries(names.map(name => [name, this.#forward(connection[name])])),
    }
  }

  leadAll(ports: readonly number[]): number[] {
    return ports.map(port => this.#forward(port))
  }

  #forward(port: number): number {
    const known = this.#known.get(port)
    if (known !== undefined) return known
    const forwarded = this.#next
    this.#next += 1
    this.#known.set(port, forwarded)
    this.args.push(this.#option, `${LOOPBACK}:${forwarded}:${this.#target}:${port}`)
    return forwarded
  }
}
