import type { EngineConnection } from '../protocol/connection-file.ts'

/** Ports that systems give to nobody by themselves, where as a rule somebody listens to few. */
const FIRST_PORT = 20_000
const PORTS = 10_000

/** Ports of a connection file that engines connect to. */
const PORT_NAMES = ['registration', 'control', 'mux', 'task', 'iopub', 'hb_ping', 'hb_pong'] as const

/** Whether engines on other machines cannot reach what listens there. */
export function isLocalOnly({ interface: address }: Pick<EngineConnection, 'interface'>): boolean {
  return /^tcp:\/\/(127\.|localhost|\[::1\])/.test(address)
}

/**
 * The connection file for engines at the far end of a tunnel, and ssh's options for that: each of the controller's ports
 * is a port of the far end's own. Somebody may listen there already: then try others.
 *
 * @param target - address at which this machine reaches the controller.
 * @param random - from 0 to below 1.
 */
export function tunnelled(
  connection: EngineConnection,
  target: string,
  random: number,
): { readonly connection: EngineConnection; readonly args: readonly string[] } {
  const { broadcast } = connection
  let next = FIRST_PORT + Math.floor(random * (PORTS - PORT_NAMES.length - broadcast.length))
  const args: string[] = []
  const forward = (port: number): number => {
    const remote = next
    next += 1
    args.push('-R', `127.0.0.1:${remote}:${target}:${port}`)
    return remote
  }
  const ports = Object.fromEntries(PORT_NAMES.map(name => [name, forward(connection[name])]))
  return {
    connection: {
      ...connection,
      ...ports,
      broadcast: broadcast.map(forward),
      interface: 'tcp://127.0.0.1',
      location: '',
    },
    args,
  }
}
