import { Session } from '../../protocol/session.ts'
import type { Frame, Socket, Transport } from '../../transport/socket.ts'

/** Ports of a kernel that are served by the io thread. */
export interface KernelPorts {
  readonly iopub: number
  readonly stdin: number
  readonly control: number
  readonly hb: number
}

/**
 * The sockets of an engine bound as a Jupyter kernel that must answer while the main thread is blocked. A kernel binds
 * and its clients connect, the other way round from a cluster.
 *
 * Source: Jupyter messaging, "The wire protocol", sockets of a kernel.
 */
export class KernelSockets {
  readonly session: Session
  readonly output: Socket
  readonly control: Socket
  readonly #heart: Socket
  /** Bound because clients insist on it; an engine never asks them for input. */
  readonly #stdin: Socket

  constructor(transport: Transport, key: string, uuid: string, onControl: (frames: Frame[]) => void) {
    this.session = new Session({ key, sessionId: uuid })
    this.output = transport.socket('PUB')
    this.control = transport.socket('ROUTER', { onMessage: onControl })
    this.#stdin = transport.socket('ROUTER')
    this.#heart = transport.socket('ROUTER', { onMessage: frames => void this.#heart.send(frames) })
  }

  /** @param address - `tcp://ip`; the system chooses the ports. */
  async bind(address: string): Promise<KernelPorts> {
    const url = `${address}:0`
    return {
      iopub: portOf(await this.output.bind(url)),
      stdin: portOf(await this.#stdin.bind(url)),
      control: portOf(await this.control.bind(url)),
      hb: portOf(await this.#heart.bind(url)),
    }
  }

  async close(lingerMs: number): Promise<void> {
    const sockets = [this.output, this.control, this.#heart, this.#stdin]
    await Promise.all(sockets.map(socket => socket.close(lingerMs)))
  }
}

export function portOf(url: string): number {
  return Number(url.slice(url.lastIndexOf(':') + 1))
}
