import type { Clock } from '../base/clock.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { OutgoingMessage, Session } from '../protocol/session.ts'
import type { Socket } from '../transport/socket.ts'
import type { ParentHeader } from './io-messages.ts'
import type { SharedState } from './shared-state.ts'

/** How long text waits for more of its kind before it is sent. */
const COALESCE_MS = 10

export interface StreamPiece {
  readonly sequence: number
  readonly name: 'stdout' | 'stderr'
  readonly text: string
  readonly parent: ParentHeader
}

interface OpenStream {
  readonly sequence: number
  readonly name: 'stdout' | 'stderr'
  readonly parent: ParentHeader
  readonly texts: string[]
  chars: number
}

/** Where published messages go at the moment: both change when the engine finds another controller. */
export interface PublisherLink {
  readonly session: Session
  readonly socket: Socket
}

/**
 * Publishes what the engine shows. Pieces of text with one sequence number become one message, exactly: the request's
 * reply says how many messages there are, and the client waits for that many.
 */
export class OutputPublisher {
  readonly #uuid: string
  readonly #shared: SharedState
  readonly #clock: Clock
  readonly #readInbox: () => void
  #link: PublisherLink | undefined
  #kernel: PublisherLink | undefined
  #engineId = -1
  #messages = 0
  #open: OpenStream | undefined
  #timer: (() => void) | undefined

  /** @param readInbox - takes in what the main thread has posted and this thread has not read yet. */
  constructor(uuid: string, shared: SharedState, clock: Clock, readInbox: () => void) {
    this.#uuid = uuid
    this.#shared = shared
    this.#clock = clock
    this.#readInbox = readInbox
  }

  set link(link: PublisherLink | undefined) {
    this.#link = link
  }

  /** Where Jupyter's clients listen: they get all that the controller gets. */
  set kernel(kernel: PublisherLink) {
    this.#kernel = kernel
  }

  set engineId(id: number) {
    this.#engineId = id
  }

  addText(piece: StreamPiece): void {
    if (this.#open !== undefined && this.#open.sequence !== piece.sequence) this.#sendOpen()
    if (this.#open === undefined) {
      this.#open = { sequence: piece.sequence, name: piece.name, parent: piece.parent, texts: [], chars: 0 }
      this.#timer = this.#clock.after(COALESCE_MS, () => this.flush())
    }
    this.#open.texts.push(piece.text)
    this.#open.chars += piece.text.length
  }

  /** Sends what waits for more text, and closes it for more. */
  flush(): void {
    const open = this.#open
    if (open === undefined) return
    this.#shared.close(open.sequence)
    // Whatever was added before it was closed has been posted by now.
    this.#readInbox()
    if (this.#open === open) this.#sendOpen()
  }

  publish(messageType: MessageType, topic: string, content: object, parent: ParentHeader): void {
    this.#sendOpen()
    this.#send(messageType, topic, content, parent)
  }

  #sendOpen(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    this.#timer?.()
    this.#timer = undefined
    this.#send('stream', open.name, { name: open.name, text: open.texts.join('') }, open.parent)
    this.#shared.subtractWaiting(open.chars)
  }

  #send(messageType: MessageType, topic: string, content: object, parent: ParentHeader): void {
    this.#messages += 1
    const message: OutgoingMessage = {
      type: messageType,
      msgId: `${this.#uuid}_out_${this.#messages}`,
      content,
      metadata: { engine: this.#uuid },
      parentHeader:
        parent === undefined ? {} : Buffer.from(parent.buffer, parent.byteOffset, parent.byteLength),
    }
    const fullTopic = Buffer.from(`engine.${this.#engineId}.${topic}`)
    for (const link of [this.#link, this.#kernel])
      link?.socket.send([fullTopic, ...link.session.pack(message)])
  }
}
