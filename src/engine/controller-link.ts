import type { EngineConnection } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, PeerEvent, Socket, Transport } from '../transport/socket.ts'

export interface LinkHandlers {
  registration(frames: Frame[]): void
  registrationPeer(event: PeerEvent): void
  control(frames: Frame[]): void
  ping(frames: Frame[]): void
  /** The connection that echoes go over had broken, and is there again. */
  heartBack(): void
}

/** The io thread's sockets to one controller. They live and die together: another controller gets a new link. */
export class ControllerLink {
  readonly connection: EngineConnection
  readonly session: Session
  readonly registration: Socket
  readonly control: Socket
  readonly output: Socket
  readonly #transport: Transport
  readonly #base: string
  readonly #uuid: string
  readonly #handlers: LinkHandlers
  #pings: Socket | undefined
  #pongs: Socket | undefined
  #closed = false

  /** @param base - `tcp://address`, without a port. */
  constructor(
    transport: Transport,
    connection: EngineConnection,
    base: string,
    uuid: string,
    handlers: LinkHandlers,
  ) {
    this.connection = connection
    this.#transport = transport
    this.#base = base
    this.#uuid = uuid
    this.#handlers = handlers
    this.session = new Session({ key: connection.key, sessionId: uuid })
    this.registration = transport.socket('DEALER', {
      identity: uuid,
      onMessage: frames => this.#guard(() => handlers.registration(frames)),
      onPeer: event => this.#guard(() => handlers.registrationPeer(event)),
    })
    this.control = transport.socket('ROUTER', {
      identity: uuid,
      onMessage: frames => this.#guard(() => handlers.control(frames)),
    })
    this.output = transport.socket('PUB')
    this.registration.connect(`${base}:${connection.registration}`)
    this.control.connect(`${base}:${connection.control}`)
    this.output.connect(`${base}:${connection.iopub}`)
  }

  /** Answers pings from now on: the engine is ready. */
  startHeart(): void {
    if (this.#pings !== undefined || this.#closed) return
    let wasThere = false
    const pongs = this.#transport.socket('DEALER', {
      identity: this.#uuid,
      onPeer: ({ type }) => {
        if (type !== 'peer_joined') return
        if (wasThere) this.#guard(() => this.#handlers.heartBack())
        wasThere = true
      },
    })
    pongs.connect(`${this.#base}:${this.connection.hb_pong}`)
    const pings = this.#transport.socket('SUB', {
      onMessage: frames => {
        pongs.send(frames)
        this.#guard(() => this.#handlers.ping(frames))
      },
    })
    pings.subscribe('')
    pings.connect(`${this.#base}:${this.connection.hb_ping}`)
    this.#pings = pings
    this.#pongs = pongs
  }

  async close(lingerMs: number): Promise<void> {
    this.#closed = true
    const sockets = [this.#pings, this.#pongs, this.output, this.control, this.registration]
    await Promise.all(sockets.map(socket => socket?.close(lingerMs)))
  }

  /** What an old link still delivers concerns nobody. */
  #guard(deliver: () => void): void {
    if (!this.#closed) deliver()
  }
}
