import type { Millis } from '../base/clock.ts'
import { type Logger, RateLimitedWarnings } from '../base/log.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { EngineConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, PeerEvent, Socket, Transport } from '../transport/socket.ts'
import { lostReply } from './reply.ts'
import type { RequestAcceptor, RequestLink } from './shell-replies.ts'
import type { RequestMemory } from './state/request-memory.ts'

export interface ShellLinkOptions {
  readonly transport: Transport
  readonly uuid: string
  readonly connection: EngineConnection
  /** `tcp://address`, without a port. */
  readonly base: string
  readonly log: Logger
  readonly nowMs: () => Millis
  /** The engine's, which outlives its links. */
  readonly memory: RequestMemory
  /** The link that took the place of this one, if that is closed. */
  readonly successor: () => ShellLink | undefined
  readonly onRequest: RequestAcceptor
  /** Connected to the direct and the balanced scheduler, or no longer. */
  readonly onReady: (isReady: boolean) => void
  /** Connected to the broadcast leaf as well. */
  readonly onComplete: () => void
}

/** Replies that may wait for their scheduler. The engine runs nothing new meanwhile but what it has already. */
const HELD_MAX = 10_000

/** The balanced scheduler's name. A task that comes again from there is to run again: it was retried, or taken elsewhere. */
const TASK_SCHEDULER = Buffer.from('task_out')

/** The one ROUTER through which requests come, from three schedulers of one controller. */
export class ShellLink implements RequestLink {
  readonly session: Session
  /** Opens what comes. */
  #reader: Session
  readonly #options: ShellLinkOptions
  readonly #socket: Socket
  readonly #warnings: RateLimitedWarnings
  /** Ports that we are connected to, and how often: a reconnection may overlap the old connection. */
  readonly #connected = new Map<number, number>()
  /** Replies whose scheduler was not connected when they were made: it may come back. */
  #held: Frame[][] = []
  #leafPort: number | undefined
  #isReady = false
  #wasReady = false
  #closed = false

  constructor(options: ShellLinkOptions) {
    this.#options = options
    this.#warnings = new RateLimitedWarnings(options.log, options.nowMs)
    this.session = new Session({ key: options.connection.key, sessionId: options.uuid })
    this.#reader = new Session({ key: options.connection.key })
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

  /** What is remembered is answered over whichever link there is: its request may have come again there. */
  reply(request: Envelope, body: Frame[]): void {
    const frames = [...request.prefix, ...body]
    const isRemembered = mayComeAgain(request)
    if (isRemembered) this.#options.memory.answered(request.header.msg_id, frames)
    const link = this.#closed && isRemembered ? this.#options.successor() : this
    if (link !== undefined) link.#send(frames)
  }

  #send(frames: Frame[]): void {
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
    for (const frames of held) this.#send(frames)
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
    const request = this.#reader.open(frames)
    if (typeof request === 'string') {
      this.#warnings.warn(`dropped a ${request} message on shell`)
      return
    }
    try {
      if (!mayComeAgain(request) || this.#isNew(request)) this.#options.onRequest(request, this)
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error
      this.#warnings.warn(`dropped a message on shell: ${error.message}`)
    }
  }

  /** Whether a request is to be run. One that comes again is answered again, as soon as it is answered. */
  #isNew(request: Envelope): boolean {
    const recollection = this.#options.memory.came(request.header.msg_id)
    if (recollection === 'fresh') return true
    if (recollection === 'lost') this.#send([...request.prefix, ...lostReply(request, this.session)])
    else if (recollection !== 'open') this.#send([...recollection])
    return false
  }

  #onPeer(event: PeerEvent): void {
    if (this.#closed) return
    const port = Number(event.remote.slice(event.remote.lastIndexOf(':') + 1))
    const count = (this.#connected.get(port) ?? 0) + (event.type === 'peer_joined' ? 1 : -1)
    this.#connected.set(port, count)
    // A link that has never been ready is not made anew when its controller is replaced. The next one may send what this
    // one did, in the same bytes: a client's requests that nobody has answered.
    if (event.type !== 'peer_joined' && !this.#wasReady)
      this.#reader = new Session({ key: this.#options.connection.key })
    if (event.type === 'peer_joined' && this.#held.length > 0) this.#sendHeld()
    this.#announce()
  }

  #announce(): void {
    const { mux, task } = this.#options.connection
    const isReady = this.#isConnected(mux) && this.#isConnected(task)
    if (isReady !== this.#isReady) {
      this.#isReady = isReady
      this.#wasReady = true
      this.#options.onReady(isReady)
    }
    if (isReady && this.#leafPort !== undefined && this.#isConnected(this.#leafPort))
      this.#options.onComplete()
  }

  #isConnected(port: number): boolean {
    return (this.#connected.get(port) ?? 0) > 0
  }
}

/** Only the direct and the broadcast scheduler send again what was under way. */
function mayComeAgain({ frames }: Envelope): boolean {
  return !frames[0]!.equals(TASK_SCHEDULER)
}
