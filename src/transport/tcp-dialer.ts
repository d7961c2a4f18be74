import { connect, type Socket as Stream } from 'node:net'
import type { TcpAddress } from './tcp-address.ts'
import type { TcpConnection } from './tcp-connection.ts'

/** Makes a connection of a stream that is connected; undefined where it is no longer wanted. */
type Adopt = (stream: Stream, onClosed: (opened: boolean) => void) => TcpConnection | undefined

/** Keeps one connection to one address: connects, and connects again whenever it is lost, with growing pauses. */
export class TcpDialer {
  readonly #address: TcpAddress
  readonly #pauses: { readonly minMs: number; readonly maxMs: number }
  readonly #adopt: Adopt
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #stream: Stream | undefined
  #connection: TcpConnection | undefined
  #stopped = false

  constructor(address: TcpAddress, pauses: { readonly minMs: number; readonly maxMs: number }, adopt: Adopt) {
    this.#address = address
    this.#pauses = pauses
    this.#pauseMs = pauses.minMs
    this.#adopt = adopt
  }

  start(): void {
    const stream = connect({ ...this.#address, noDelay: true })
    this.#stream = stream
    const onFailed = () => this.#lost(false)
    stream.once('error', () => {})
    stream.once('close', onFailed)
    stream.once('connect', () => {
      stream.off('close', onFailed)
      this.#connection = this.#adopt(stream, opened => this.#lost(opened))
    })
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
    if (opened) this.#pauseMs = this.#pauses.minMs
    // Up to a fifth more or less, so that a thousand engines do not come back in the same millisecond.
    const pauseMs = this.#pauseMs * (0.8 + 0.4 * Math.random())
    this.#pauseMs = Math.min(this.#pauses.maxMs, this.#pauseMs * 2)
    this.#timer = setTimeout(() => this.start(), pauseMs)
  }
}
