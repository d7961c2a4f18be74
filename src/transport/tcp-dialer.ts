import { connect, type OnReadOpts, type Socket as Stream } from 'node:net'
import { ReadBuffer } from './read-buffer.ts'
import type { TcpAddress } from './tcp-address.ts'
import type { TcpConnection } from './tcp-connection.ts'

/** Makes a connection of a stream that is connected; undefined where it is no longer wanted. */
type Adopt = (stream: Stream, onClosed: (opened: boolean) => void) => TcpConnection | undefined

export interface DialOptions {
  readonly reconnect: { readonly minMs: number; readonly maxMs: number }
  /** How long one attempt to connect may take. */
  readonly timeoutMs: number
  /** Whether our own process goes on for as long as this connects. */
  readonly holdsProcess: boolean
}

/** Keeps one connection to one address: connects, and connects again whenever it is lost, with growing pauses. */
export class TcpDialer {
  readonly #address: TcpAddress
  readonly #options: DialOptions
  readonly #adopt: Adopt
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #stream: Stream | undefined
  #connection: TcpConnection | undefined
  #stopped = false

  constructor(address: TcpAddress, options: DialOptions, adopt: Adopt) {
    this.#address = address
    this.#options = options
    this.#pauseMs = options.reconnect.minMs
    this.#adopt = adopt
  }

  start(): void {
    const stream = connect({ ...this.#address, noDelay: true, onread: this.#reading() })
    this.#stream = stream
    if (!this.#options.holdsProcess) stream.unref()
    const onFailed = () => this.#lost(false)
    // Refused and unreachable are the same here: try again. 'close' follows.
    stream.once('error', () => {})
    stream.once('close', onFailed)
    stream.setTimeout(this.#options.timeoutMs, () => stream.destroy())
    stream.once('connect', () => {
      stream.off('close', onFailed)
      stream.setTimeout(0)
      this.#connection = this.#adopt(stream, opened => this.#lost(opened))
    })
  }

  /** Has the system read straight into large frames, which saves a copy of all their bytes. */
  #reading(): OnReadOpts {
    const buffer = new ReadBuffer()
    return {
      buffer: () => buffer.next(this.#connection?.hole),
      callback: count => {
        const bytes = buffer.take(count)
        if (bytes === undefined) this.#connection?.filled(count)
        else this.#connection?.read(bytes)
        return true
      },
    }
  }

  /** Connects no more; what is connected ends once its queue is written. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    if (this.#connection === undefined) this.#stream?.destroy()
    else this.#connection.end()
  }

  #lost(opened: boolean): void {
    this.#connection = undefined
    this.#stream = undefined
    if (this.#stopped) return
    if (opened) this.#pauseMs = this.#options.reconnect.minMs
    // Up to a fifth more or less, so that a thousand engines do not come back in the same millisecond.
    const pauseMs = this.#pauseMs * (0.8 + 0.4 * Math.random())
    this.#pauseMs = Math.min(this.#options.reconnect.maxMs, this.#pauseMs * 2)
    this.#timer = setTimeout(() => this.start(), pauseMs)
    if (!this.#options.holdsProcess) this.#timer.unref()
  }
}
