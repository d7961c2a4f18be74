import type { ControllerOptions } from '../controller/controller.ts'
import { PORT_NAMES } from '../controller/controller-sockets.ts'
import { UsageError } from '../errors.ts'
import type { ClientConnection, EngineConnection } from '../protocol/connection-file.ts'

const PORT_MAX = 65_535

export type ControllerPorts = NonNullable<ControllerOptions['ports']>

/**
 * The ports of a controller as people write them: `10101-10120`, `10101,10103`, or both mixed. They are used in order.
 *
 * @throws UsageError when they cannot be read, or are too few.
 */
export function assignPorts(text: string): ControllerPorts {
  const ports = parsePorts(text)
  if (ports.length < PORT_NAMES.length) {
    throw new UsageError(
      `--ports=${text}: a controller needs ${PORT_NAMES.length} ports, these are ${ports.length}. Leave --ports away to have any.`,
    )
  }
  return Object.fromEntries(PORT_NAMES.map((name, i) => [name, ports[i]]))
}

/** @throws UsageError when they cannot be read. */
export function parsePorts(text: string): number[] {
  const ports = text.split(',').flatMap(part => {
    const match = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part)
    const first = Number(match?.[1])
    const last = match?.[2] === undefined ? first : Number(match[2])
    if (!(first >= 1 && first <= last && last <= PORT_MAX)) {
      throw new UsageError(
        `--ports=${text}: give ports such as 10101-10120 or 10101,10103 (1 to ${PORT_MAX})`,
      )
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  return [...new Set(ports)]
}

/** The ports that an earlier controller wrote down. */
export function portsOf(client: ClientConnection, engine: EngineConnection): ControllerPorts {
  return {
    registration: client.registration,
    notification: client.notification,
    control: client.control,
    mux: client.mux,
    task: client.task,
    broadcast: client.broadcast,
    iopub: client.iopub,
    engineControl: engine.control,
    engineMux: engine.mux,
    engineTask: engine.task,
    engineBroadcast: engine.broadcast[0]!,
    engineIopub: engine.iopub,
    hbPing: engine.hb_ping,
    hbPong: engine.hb_pong,
  }
}
