import type {
  Frame,
  Message,
  PeerEvent,
  Socket,
  SocketOptions,
  SocketType,
  Transport,
} from '../../src/transport/socket.ts'

/** A message as text, for comparing: every frame as latin1. */
export function texts(message: Message): string[] {
  return message.map(frame => frame.toString('latin1'))
}

export function frames(...parts: readonly (string | Buffer)[]): Frame[] {
  return parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
}

/** What arrived, for those who wait for it. */
export class Inbox<T> {
  readonly #items: T[] = []
  #waiters: (() => void)[] = []

  get length(): number {
    return this.#items.length
  }

  put(item: T): void {
    this.#items.push(item)
    for (const wake of this.#waiters.splice(0)) wake()
  }

  /** The next item, as soon as it is there. */
  async take(): Promise<T> {
    return (await this.takeMany(1))[0] as T
  }

  async takeMany(count: number): Promise<T[]> {
    while (this.#items.length < count) {
      await new Promise<void>(resolve => this.#waiters.push(resolve))
    }
    return this.#items.splice(0, count)
  }

  /** Skips to the first item that `wanted` accepts. */
  async find(wanted: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.take()
      if (wanted(item)) return item
    }
  }
}

/** A socket with what it received. */
export class Probe {
  readonly socket: Socket
  readonly messages = new Inbox<Message>()
  readonly peers = new Inbox<PeerEvent>()

  constructor(transport: Transport, type: SocketType, options: SocketOptions = {}) {
    this.socket = transport.socket(type, {
      reconnect: { minMs: 5, maxMs: 50 },
      ...options,
      onMessage: message => {
        this.messages.put(message)
        options.onMessage?.(message)
      },
      onPeer: event => {
        this.peers.put(event)
        options.onPeer?.(event)
      },
    })
  }

  send(...parts: readonly (string | Buffer)[]): ReturnType<Socket['send']> {
    return this.socket.send(frames(...parts))
  }

  async receive(): Promise<string[]> {
    return texts(await this.messages.take())
  }

  joined(): Promise<PeerEvent> {
    return this.peers.find(event => event.type === 'peer_joined')
  }

  left(): Promise<PeerEvent> {
    return this.peers.find(event => event.type === 'peer_left')
  }
}

/** Makes probes on one transport, and closes them all when a test ends. */
export class Bench {
  readonly transport: Transport
  readonly #probes: Probe[] = []

  constructor(transport: Transport) {
    this.transport = transport
  }

  probe(type: SocketType, options: SocketOptions = {}): Probe {
    const probe = new Probe(this.transport, type, options)
    this.#probes.push(probe)
    return probe
  }

  /** Two sockets, the first listening, the second connected to it, both through their handshake. */
  async pair(
    bindType: SocketType,
    connectType: SocketType,
    bindOptions: SocketOptions = {},
    connectOptions: SocketOptions = {},
  ): Promise<{ bound: Probe; connected: Probe; url: string }> {
    const bound = this.probe(bindType, bindOptions)
    const connected = this.probe(connectType, connectOptions)
    const url = await bound.socket.bind('tcp://127.0.0.1:0')
    connected.socket.connect(url)
    await Promise.all([bound.joined(), connected.joined()])
    return { bound, connected, url }
  }

  async close(): Promise<void> {
    await Promise.all(this.#probes.splice(0).map(probe => probe.socket.close(0)))
  }
}
