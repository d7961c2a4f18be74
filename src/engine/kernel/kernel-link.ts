import type { RateLimitedWarnings } from '../../base/log.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { Session } from '../../protocol/session.ts'
import type { Frame, Socket, Transport } from '../../transport/socket.ts'
import type { RequestLink } from '../shell-replies.ts'
import { portOf } from './kernel-sockets.ts'

export interface KernelLinkOptions {
  readonly transport: Transport
  readonly uuid: string
  readonly key: string
  readonly warnings: RateLimitedWarnings
  readonly onRequest: (request: Envelope, link: RequestLink) => void
}

/** The ROUTER to which Jupyter's clients send what is to be run. */
export class KernelLink implements RequestLink {
  readonly session: Session
  readonly #options: KernelLinkOptions
  readonly #socket: Socket

  constructor(options: KernelLinkOptions) {
    this.#options = options
    this.session = new Session({ key: options.key, sessionId: options.uuid })
    this.#socket = options.transport.socket('ROUTER', { onMessage: frames => this.#onMessage(frames) })
  }

  /** @returns the port. */
  async bind(address: string): Promise<number> {
    return portOf(await this.#socket.bind(`${address}:0`))
  }

  reply(request: Envelope, body: Frame[]): void {
    // A console that has left misses nothing.
    this.#socket.send([...request.prefix, ...body])
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#options.warnings.warn(message, fields)
  }

  async close(lingerMs: number): Promise<void> {
    await this.#socket.close(lingerMs)
  }

  #onMessage(frames: Frame[]): void {
    const request = this.session.open(frames)
    if (typeof request === 'string') this.warn(`dropped a ${request} message of a kernel's client`)
    else this.#options.onRequest(request, this)
  }
}
