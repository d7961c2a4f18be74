import { createServer, type Server, type Socket as Stream } from 'node:net'
import { invariant } from '../base/assert.ts'
import { ConnectionError } from '../errors.ts'
import { socketIdentity } from './identity.ts'
import type { Carrier, LinkHost } from './link.ts'
import type { SocketOptions, SocketType } from './socket.ts'
import type { ZmtpOptions } from './state/zmtp-machine.ts'
import { parseTcpUrl, tcpUrl } from './tcp-address.ts'
import { TcpConnection } from './tcp-connection.ts'
import { type DialOptions, TcpDialer } from './tcp-dialer.ts'

const FRAME_BYTES_MAX = 4 * 1024 ** 3
const MESSAGE_FRAMES_MAX = 65_536
const COMMAND_BYTES_MAX = 65_536
const RECONNECT = { minMs: 50, maxMs: 1000 }
const BACKLOG = 1024
const STRANGERS_MAX = 2048
const HANDSHAKE_MS = 30_000

/** Listens and connects over TCP for one socket, and owns every connection it made until `close`. */
export class TcpCarrier implements Carrier {
  readonly #host: LinkHost
  readonly #zmtp: ZmtpOptions
  readonly #dial: DialOptions
  readonly #servers = new Set<Server>()
  readonly #bindings = new Set<Promise<string>>()
  readonly #dialers = new Map<string, TcpDialer>()
  readonly #connections = new Set<TcpConnection>()
  #paused = false
  #closing = false
  #onEmpty: (() => void) | undefined

  constructor(type: SocketType, options: SocketOptions, host: LinkHost) {
    this.#host = host
    this.#zmtp = zmtpOptions(type, options)
    const { reconnect = RECONNECT, holdsProcess = true } = options
    this.#dial = { reconnect, timeoutMs: this.#zmtp.handshakeMs, holdsProcess }
  }

  async bind(url: string): Promise<string> {
    const binding = this.#listen(url)
    this.#bindings.add(binding)
    try {
      return await binding
    } finally {
      this.#bindings.delete(binding)
    }
  }

  async #listen(url: string): Promise<string> {
    const { host, port } = parseTcpUrl(url)
    const server = createServer({ noDelay: true }, stream => this.#adopt(stream))
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(bindError(url, error)))
      server.listen({ host, port, backlog: BACKLOG }, resolve)
    })
    // A failing accept (too many open files) concerns that one connection; those there are go on.
    server.on('error', () => {})
    this.#servers.add(server)
    const address = server.address()
    invariant(address !== null && typeof address === 'object', `a TCP server listens on ${address}`)
    return tcpUrl(host, address.port)
  }

  connect(url: string): void {
    if (this.#dialers.has(url)) return
    const dialer = new TcpDialer(parseTcpUrl(url), this.#dial, (stream, onClosed) =>
      this.#adopt(stream, onClosed),
    )
    this.#dialers.set(url, dialer)
    dialer.start()
  }

  disconnect(url: string): void {
    this.#dialers.get(url)?.stop()
    this.#dialers.delete(url)
  }

  pause(): void {
    this.#paused = true
    for (const connection of this.#connections) connection.pause()
  }

  resume(): void {
    this.#paused = false
    for (const connection of this.#connections) connection.resume()
  }

  async close(lingerMs: number): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#bindings)
    const stopped = [...this.#servers].map(
      server => new Promise<void>(resolve => server.close(() => resolve())),
    )
    for (const dialer of this.#dialers.values()) dialer.stop()
    if (lingerMs > 0) {
      for (const connection of this.#connections) connection.end()
      await this.#emptied(lingerMs)
    }
    for (const connection of this.#connections) connection.close('closed by us')
    await this.#emptied()
    await Promise.all(stopped)
  }

  #adopt(stream: Stream, onLost?: (opened: boolean) => void): TcpConnection | undefined {
    if (this.#closing) {
      stream.destroy()
      return undefined
    }
    const connection = new TcpConnection(stream, this.#zmtp, this.#host, opened => {
      this.#connections.delete(connection)
      if (this.#connections.size === 0) this.#onEmpty?.()
      onLost?.(opened)
    })
    this.#connections.add(connection)
    if (this.#paused) connection.pause()
    this.#limitStrangers()
    return connection
  }

  /** Of too many connections that have not said who they are, the oldest goes: honest ones need milliseconds. */
  #limitStrangers(): void {
    if (this.#connections.size <= STRANGERS_MAX) return
    let strangers = 0
    let oldest: TcpConnection | undefined
    for (const connection of this.#connections) {
      if (connection.isOpen) continue
      oldest ??= connection
      strangers += 1
    }
    if (strangers > STRANGERS_MAX) oldest?.close('too many connections that say nothing')
  }

  /** Resolves when no connection is left, or after `timeoutMs`. */
  #emptied(timeoutMs?: number): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function zmtpOptions(type: SocketType, options: SocketOptions): ZmtpOptions {
  const frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX
  return {
    type,
    identity: socketIdentity(options.identity),
    limits: {
      frameBytesMax,
      messageFramesMax: options.messageFramesMax ?? MESSAGE_FRAMES_MAX,
      messageBytesMax: options.messageBytesMax ?? frameBytesMax * 2,
      commandBytesMax: COMMAND_BYTES_MAX,
    },
    largeFramesInPieces: options.largeFramesInPieces ?? false,
    tellsArrivals: options.onArrival !== undefined,
    handshakeMs: options.handshakeMs ?? HANDSHAKE_MS,
    heartbeat: options.heartbeat,
  }
}

function bindError(url: string, cause: Error): ConnectionError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    return new ConnectionError(
      `cannot listen on ${url}: another program uses this port. Stop it, or choose another port (0 lets the system choose)`,
      { cause },
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ConnectionError(
      `cannot listen on ${url}: this machine has no such address. Choose one that it has`,
      { cause },
    )
  }
  return new ConnectionError(`cannot listen on ${url}: ${cause.message}`, { cause })
}
