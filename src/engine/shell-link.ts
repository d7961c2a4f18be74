import type { Millis } from '../base/clock.ts'
import { type Logger, RateLimitedWarnings } from '../base/log.ts'
import type { EngineConnection } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, PeerEvent, Socket, Transport } from '../transport/socket.ts'
import type { RequestAcceptor, RequestLink } from './shell-replies.ts'

export interface ShellLinkOptions {
  readonly transport: Transport
  readonly uuid: string
  readonly connection: EngineConnection
  /** `tcp://address`, without a port. */
  readonly base: string
  readonly log: Logger
  readonly nowMs: () => Millis
  readonly onRequest: RequestAcceptor
  /** Connected to the direct and the balanced scheduler, or no longer. */
  readonly onReady: (isReady: boolean) => void
  /** Connected to the broadcast leaf as well. */
  readonly onComplete: () => void
}

/** Replies that may wait for their scheduler. The engine runs nothing new meanwhile but what it has already. */
const HELD_MAX = 10_000

/** The one ROUTER through which requests come, from three schedulers of one controller. */
export class ShellLink implements RequestLink {
  readonly session: Session
  readonly #options: ShellLinkOptions
  readonly #socket: Socket
  readonly #warnings: RateLimitedWarnings
  /** Ports that we are connected to, and how often: a reconnection may overlap the old connection. */
  readonly #connected = new Map<number, number>()
  /** Replies whose scheduler was not connected when they were made: it may come back. */
  #held: Frame[][] = []
  #leafPort: number | undefined
  #isReady = false
  #closed = false

  constructor(options: ShellLinkOptions) {
    this.#options = options
    this.#warnings = new RateLimitedWarnings(options.log, options.nowMs)
    this.session = new Session({ key: options.connection.key, sessionId: options.uuid })
    this.#socket = options.transport.socket('ROUTER', {
      identity: options.uuid,
      onMessage: frames => this.#onMessage(frames),
      onPeer: event => this.#onPeer(event),
    })
    this.#connect(options.connection.mux)
    this.#connect(options.connection.task)
  }

  /** Connects to the broadcast leaf that the engine's number gives it. */
  join(id: number): void {
    const { broadcast } = this.#options.connection
    const port = broadcast[id % broadcast.length]!
    if (port !== this.#leafPort) {
      if (this.#leafPort !== undefined) this.#socket.disconnect(`${this.#options.base}:${this.#leafPort}`)
      this.#leafPort = port
      this.#connect(port)
    }
    this.#announce()
  }

  send(frames: Frame[]): void {
    if (this.#closed) return
    const outcome = this.#socket.send(frames)
    // `full` is no reason to wait: the client asked for exactly these replies, and they are made anyway.
    if (outcome !== 'unroutable') return
    this.#held.push(frames)
    if (this.#held.length <= HELD_MAX) return
    this.#held.shift()
    this.#warnings.warn('a reply could not be sent: its scheduler is gone')
  }

  #sendHeld(): void {
    const held = this.#held
    this.#held = []
    for (const frames of held) this.send(frames)
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#warnings.warn(message, fields)
  }

  async close(lingerMs: number): Promise<void> {
    this.#closed = true
    await this.#socket.close(lingerMs)
  }

  #connect(port: number): void {
    this.#socket.connect(`${this.#options.base}:${port}`)
  }

  #onMessage(frames: Frame[]): void {
    if (this.#closed) return
    const request = this.session.open(frames)
    if (typeof request === 'string') this.#warnings.warn(`dropped a ${request} message on shell`)
    else this.#options.onRequest(request, this)
  }

  #onPeer(event: PeerEvent): void {
    if (this.#closed) return
    const port = Number(event.remote.slice(event.remote.lastIndexOf(':') + 1))
    const count = (this.#connected.get(port) ?? 0) + (event.type === 'peer_joined' ? 1 : -1)
    this.#connected.set(port, count)
    if (event.type === 'peer_joined' && this.#held.length > 0) this.#sendHeld()
    this.#announce()
  }

  #announce(): void {
    const { mux, task } = this.#options.connection
    const isReady = this.#isConnected(mux) && this.#isConnected(task)
    if (isReady !== this.#isReady) {
      this.#isReady = isReady
      this.#options.onReady(isReady)
    }
    if (isReady && this.#leafPort !== undefined && this.#isConnected(this.#leafPort))
      this.#options.onComplete()
  }

  #isConnected(port: number): boolean {
    return (this.#connected.get(port) ?? 0) > 0
  }
}
