import type { Arrival } from '../transport/arrival.ts'
import type { Frame, Socket, SocketOptions, SocketType, Transport } from '../transport/socket.ts'

/** Ports of a controller; one that is left out is chosen by the system. */
export interface ControllerPorts {
  readonly registration?: number
  readonly notification?: number
  readonly control?: number
  readonly mux?: number
  readonly task?: number
  readonly broadcast?: number
  readonly iopub?: number
  readonly engineControl?: number
  readonly engineMux?: number
  readonly engineTask?: number
  readonly engineBroadcast?: number
  readonly engineIopub?: number
  readonly hbPing?: number
  readonly hbPong?: number
}

export type PortName = keyof ControllerPorts

interface SocketKind {
  readonly type: SocketType
  readonly identity?: string
  /** What comes in there may be passed on before it is whole. */
  readonly passesOn?: boolean
}

/** The socket behind each port. The names on the right are the original's; peers do not depend on them. */
const SOCKETS: Readonly<Record<PortName, SocketKind>> = {
  notification: { type: 'PUB' },
  control: { type: 'ROUTER', identity: 'control_in' },
  mux: { type: 'ROUTER', identity: 'mux_in', passesOn: true },
  task: { type: 'ROUTER', identity: 'task_in' },
  broadcast: { type: 'ROUTER', identity: 'broadcast_in' },
  iopub: { type: 'PUB' },
  engineControl: { type: 'ROUTER', identity: 'control_out' },
  engineMux: { type: 'ROUTER', identity: 'mux_out', passesOn: true },
  engineTask: { type: 'ROUTER', identity: 'task_out', passesOn: true },
  engineBroadcast: { type: 'ROUTER', identity: 'sub_scheduler_0' },
  engineIopub: { type: 'SUB' },
  hbPing: { type: 'PUB' },
  hbPong: { type: 'ROUTER' },
  // Bound last: whoever finds it open may count on all the others.
  registration: { type: 'ROUTER' },
}

export const PORT_NAMES = Object.keys(SOCKETS) as PortName[]

/** Who hears what comes in at one socket. */
export type Handler = Pick<SocketOptions, 'onMessage' | 'onPeer' | 'onArrival'>

export type Handlers = Readonly<Partial<Record<PortName, Handler>>>

/** Every socket of a controller, bound, and the port that each has. */
export interface ControllerSockets {
  readonly sockets: Readonly<Record<PortName, Socket>>
  readonly ports: Readonly<Record<PortName, number>>
  close(lingerMs?: number): Promise<void>
}

/**
 * Binds every socket of a controller. When one port cannot be had, those that were bound are closed again.
 *
 * @param makeHandlers - called with the sockets before any of them is bound.
 * @throws ConnectionError when a port is in use.
 */
export async function openControllerSockets(
  transport: Transport,
  address: string,
  wanted: ControllerPorts,
  makeHandlers: (sockets: Readonly<Record<PortName, Socket>>) => Handlers,
): Promise<ControllerSockets> {
  const sockets: Partial<Record<PortName, Socket>> = {}
  let handlers: Handlers = {}
  for (const name of PORT_NAMES) {
    const { type, identity, passesOn = false } = SOCKETS[name]
    sockets[name] = transport.socket(type, {
      ...(identity !== undefined && { identity }),
      // The original's sockets have no mark: a ROUTER or PUB at its mark would lose messages in silence.
      sendHighWaterMarkBytes: 0,
      largeFramesInPieces: true,
      onMessage: message => handlers[name]?.onMessage?.(message),
      onPeer: event => handlers[name]?.onPeer?.(event),
      ...(passesOn && {
        onArrival: (head: Frame[], arrival: Arrival) => handlers[name]?.onArrival?.(head, arrival),
      }),
    })
  }
  const all = sockets as Record<PortName, Socket>
  const close = async (lingerMs?: number): Promise<void> => {
    await Promise.all(Object.values(all).map(socket => socket.close(lingerMs)))
  }
  handlers = makeHandlers(all)
  all.engineIopub.subscribe('')
  try {
    const ports: Partial<Record<PortName, number>> = {}
    for (const name of PORT_NAMES) {
      const url = await all[name].bind(`tcp://${address}:${wanted[name] ?? 0}`)
      ports[name] = Number(url.slice(url.lastIndexOf(':') + 1))
    }
    return { sockets: all, ports: ports as Record<PortName, number>, close }
  } catch (error) {
    await close(0)
    throw error
  }
}
