import type { EngineUuid, MessageId } from '../base/ids.ts'
import type { RateLimitedWarnings } from '../base/log.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { type OutgoingMessage, Session } from '../protocol/session.ts'
import type { Frame, PeerEvent, Socket, Transport } from '../transport/socket.ts'
import type { Route } from './state/requests.ts'

/** The sockets that requests go out on, and their replies come back. */
export type RequestChannel = 'registration' | 'control' | 'mux' | 'task' | 'broadcast'
/** A client's seven sockets, by their names in the connection file. */
export type Channel = RequestChannel | 'notification' | 'iopub'

/** The socket that requests of a route go out on. */
export function requestChannelOf(route: Route): RequestChannel {
  return CHANNEL_OF[route]
}

const CHANNEL_OF: Readonly<Record<Route, RequestChannel>> = {
  direct: 'mux',
  balanced: 'task',
  broadcast: 'broadcast',
  control: 'control',
  hub: 'registration',
}

export interface ChannelsOptions {
  readonly connection: ClientConnection
  /** `tcp://address` of the controller, as it can be reached from here. */
  readonly address: string
  readonly transport: Transport
  readonly warnings: RateLimitedWarnings
  /** Takes a message whose signature was checked. It may throw for what cannot be read. */
  readonly onMessage: (channel: Channel, envelope: Envelope) => void
  readonly onPeer: (channel: Channel, event: PeerEvent) => void
}

/** The client's sockets and its session: signs what goes out, checks what comes in. Decides nothing. */
export class Channels {
  readonly #options: ChannelsOptions
  readonly #session: Session
  readonly #sockets = new Map<Channel, Socket>()
  readonly #uuidFrames = new Map<EngineUuid, Frame>()
  /** Those whose connection broke and is not back yet. */
  readonly #away = new Set<Channel>()

  constructor(options: ChannelsOptions) {
    this.#options = options
    this.#session = new Session({ key: options.connection.key })
  }

  get sessionId(): string {
    return this.#session.id
  }

  nextMessageId(): MessageId {
    return this.#session.nextMessageId()
  }

  /** Connects a socket; a SUB one hears everything. */
  connect(channel: Channel): void {
    const { transport, address, connection } = this.#options
    const isSubscriber = channel === 'notification' || channel === 'iopub'
    const socket = transport.socket(isSubscriber ? 'SUB' : 'DEALER', {
      // Replies that are made after a connection broke find the next one by this name.
      ...(!isSubscriber && { identity: this.#session.id, forgetsUnsent: true }),
      onMessage: frames => this.#received(channel, frames),
      onPeer: event => this.#peer(channel, event),
    })
    this.#sockets.set(channel, socket)
    socket.connect(`${address}:${connection[channel]}`)
    if (isSubscriber) socket.subscribe('')
  }

  /**
   * Nothing is sent while the connection is away: whoever wants it sent then has to send it again.
   *
   * @param engine - whom a direct or control message is for.
   */
  send(route: Route, engine: EngineUuid | undefined, message: OutgoingMessage): void {
    const channel = CHANNEL_OF[route]
    if (this.#away.has(channel)) return
    const frames = this.#session.pack(message)
    if (engine !== undefined) frames.unshift(this.#uuidFrame(engine))
    this.#sockets.get(channel)?.send(frames)
  }

  #peer(channel: Channel, event: PeerEvent): void {
    if (event.type === 'peer_left') this.#away.add(channel)
    else this.#away.delete(channel)
    this.#options.onPeer(channel, event)
  }

  /** Forgets an engine that is gone. */
  forget(engine: EngineUuid): void {
    this.#uuidFrames.delete(engine)
  }

  async flushed(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map(socket => socket.flushed()))
  }

  async close(lingerMs?: number): Promise<void> {
    await Promise.all([...this.#sockets.values()].map(socket => socket.close(lingerMs)))
  }

  #uuidFrame(engine: EngineUuid): Frame {
    let frame = this.#uuidFrames.get(engine)
    if (frame === undefined) {
      frame = Buffer.from(engine)
      this.#uuidFrames.set(engine, frame)
    }
    return frame
  }

  /** Called by sockets, and therefore must not throw. */
  #received(channel: Channel, frames: Frame[]): void {
    try {
      const envelope = this.#session.open(frames)
      if (typeof envelope === 'string')
        this.#options.warnings.warn('a message was refused', { channel, why: envelope })
      else this.#options.onMessage(channel, envelope)
    } catch (error) {
      this.#options.warnings.warn('a message could not be read', { channel, error })
    }
  }
}
