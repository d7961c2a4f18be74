/**
 * Hears from the hub which engines come and go: for whoever started engines that cannot tell by a pipe. An engine's
 * coming may be told more than once, and its going after a going.
 */

import type { Logger } from '../base/log.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import { type ClientConnection, resolveInterface } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, Socket } from '../transport/socket.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { askHub } from './hub-line.ts'

const LIST_MS = 10_000
/** How often the hub is asked who is there, besides: what was said before it knew of our subscription is lost. */
const LIST_EVERY_MS = 1000

/** What the hub says of an engine. */
export type EngineNotice =
  | { readonly type: 'came'; readonly id: number; readonly uuid: string }
  | { readonly type: 'went'; readonly uuid: string; readonly cause: DeathCause | undefined }

/** See the head of this file. */
export class HubWatch {
  readonly #connection: ClientConnection
  readonly #log: Logger
  readonly #onNotice: (notice: EngineNotice) => void
  readonly #session: Session
  readonly #timer: NodeJS.Timeout
  #socket: Socket | undefined
  readonly #closing = new AbortController()
  #isClosed = false
  /** Engines that the hub has named, and that have not gone since. */
  readonly #present = new Set<string>()
  /** Engines that went while the hub was being asked: its answer may be older. */
  #wentMeanwhile: Set<string> | undefined

  constructor(connection: ClientConnection, onNotice: (notice: EngineNotice) => void, log: Logger) {
    this.#connection = connection
    this.#session = new Session({ key: connection.key })
    this.#onNotice = onNotice
    this.#log = log
    this.#timer = setInterval(() => void this.#list(), LIST_EVERY_MS)
    this.#timer.unref()
    void this.#subscribe()
  }

  close(): void {
    this.#isClosed = true
    // A hub that has ended answers no more, and nobody is to wait for it.
    this.#closing.abort(new Error('nobody watches the hub any more'))
    clearInterval(this.#timer)
    void this.#socket?.close(0)
  }

  async #subscribe(): Promise<void> {
    try {
      const address = await resolveInterface(this.#connection)
      if (this.#isClosed) return
      this.#socket = tcpTransport.socket('SUB', {
        holdsProcess: false,
        onMessage: frames => this.#received(frames),
        onPeer: event => {
          if (event.type === 'peer_joined') void this.#list()
        },
      })
      this.#socket.connect(`${address}:${this.#connection.notification}`)
      this.#socket.subscribe('')
    } catch (error) {
      this.#log.warn(`cannot hear from the hub: ${String(error)}`)
    }
  }

  #received(frames: Frame[]): void {
    const message = this.#session.open(frames)
    if (typeof message === 'string') return
    const { id, uuid, cause } = message.content
    if (typeof uuid !== 'string' || typeof id !== 'number') return
    if (message.header.msg_type === 'registration_notification') this.#came(id, uuid)
    else if (message.header.msg_type === 'unregistration_notification') {
      this.#went(uuid, (cause ?? undefined) as DeathCause | undefined)
    }
  }

  #came(id: number, uuid: string): void {
    if (this.#isClosed) return
    this.#present.add(uuid)
    this.#onNotice({ type: 'came', id, uuid })
  }

  #went(uuid: string, cause: DeathCause | undefined): void {
    if (this.#isClosed) return
    this.#present.delete(uuid)
    this.#wentMeanwhile?.add(uuid)
    this.#onNotice({ type: 'went', uuid, cause })
  }

  /** One question at a time. */
  async #list(): Promise<void> {
    if (this.#wentMeanwhile !== undefined || this.#isClosed) return
    this.#wentMeanwhile = new Set()
    try {
      const reply = await askHub(this.#connection, 'connection_request', {}, LIST_MS, this.#closing.signal)
      for (const [id, uuid] of Object.entries(reply.engines as Readonly<Record<string, string>>)) {
        if (!this.#present.has(uuid) && !this.#wentMeanwhile.has(uuid)) this.#came(Number(id), uuid)
      }
    } catch (error) {
      this.#log.debug(`the hub does not say who is there: ${String(error)}`)
    } finally {
      this.#wentMeanwhile = undefined
    }
  }
}
