import { RemoteProtocolError } from '../errors.ts'
import { joinedFrame, morePieces } from '../transport/pieces.ts'
import type { Frame, Message } from '../transport/socket.ts'

/** The frame between the routing prefix and the message proper. */
export const DELIMITER: Frame = Buffer.from('<IDS|MSG>')

/** Header of every message. Peers may leave out all but `msg_id` and `msg_type`; ours never do. */
export interface Header {
  readonly msg_id: string
  readonly msg_type: string
  readonly session: string
  readonly username: string
  readonly date: string
  readonly version: string
}

export type Json = Readonly<Record<string, unknown>>

/** Frames of a message from the delimiter on: delimiter, signature, header, parent header, metadata, content. */
const SIGNED_FRAMES = 6

/**
 * A received message, cut into its parts but read only where it is asked for: a relay that needs the header never
 * parses the content, and nobody here reads a buffer.
 */
export class Envelope {
  /** The message as it came, routing prefix included. */
  readonly frames: Message
  /** Index of the delimiter in `frames`: what is before it is the routing prefix. */
  readonly delimiterAt: number
  /** Its buffers were left out: it can be looked at, but not sent again. */
  readonly isCutShort: boolean
  #header: Header | undefined
  #parentHeader: Partial<Header> | undefined
  #metadata: Json | undefined
  #content: Json | undefined

  private constructor(frames: Message, delimiterAt: number, isCutShort = false) {
    this.frames = frames
    this.delimiterAt = delimiterAt
    this.isCutShort = isCutShort
  }

  /** Cuts a message at its delimiter; undefined where there is none or too little behind it. */
  static cut(frames: Message): Envelope | undefined {
    for (let i = 0; i + SIGNED_FRAMES <= frames.length; i++) {
      const frame = frames[i]!
      if (frame.length === DELIMITER.length && frame.equals(DELIMITER))
        return new Envelope(readable(frames, i), i)
    }
    return undefined
  }

  /** The same message without its buffers, for whoever remembers it longer than it takes to pass it on. */
  withoutBuffers(): Envelope {
    return new Envelope(this.frames.slice(0, this.delimiterAt + SIGNED_FRAMES), this.delimiterAt, true)
  }

  get prefix(): Message {
    return this.frames.slice(0, this.delimiterAt)
  }

  /** From the delimiter on: what a relay passes on unchanged. */
  get body(): Message {
    return this.frames.slice(this.delimiterAt)
  }

  get signature(): Frame {
    return this.frames[this.delimiterAt + 1]!
  }

  get headerFrame(): Frame {
    return this.frames[this.delimiterAt + 2]!
  }

  get parentHeaderFrame(): Frame {
    return this.frames[this.delimiterAt + 3]!
  }

  get metadataFrame(): Frame {
    return this.frames[this.delimiterAt + 4]!
  }

  get contentFrame(): Frame {
    return this.frames[this.delimiterAt + 5]!
  }

  get buffers(): Message {
    return this.frames.slice(this.delimiterAt + SIGNED_FRAMES)
  }

  /** @throws RemoteProtocolError when it is no JSON object, or lacks a text `msg_id` or `msg_type`. */
  get header(): Header {
    if (this.#header === undefined) {
      const header = parseObject(this.headerFrame, 'header') as unknown as Header
      if (typeof header.msg_id !== 'string' || typeof header.msg_type !== 'string') {
        throw new RemoteProtocolError('a message header lacks msg_id or msg_type')
      }
      this.#header = header
    }
    return this.#header
  }

  /** `{}` where the message answers nothing. @throws RemoteProtocolError when it is no JSON object. */
  get parentHeader(): Partial<Header> {
    this.#parentHeader ??= parseObject(this.parentHeaderFrame, 'parent header') as Partial<Header>
    return this.#parentHeader
  }

  /** @throws RemoteProtocolError when it is no JSON object. */
  get metadata(): Json {
    this.#metadata ??= parseObject(this.metadataFrame, 'metadata')
    return this.#metadata
  }

  /** @throws RemoteProtocolError when it is no JSON object. */
  get content(): Json {
    this.#content ??= parseObject(this.contentFrame, 'content')
    return this.#content
  }
}

/** The same message with its signed parts, which are read, in one piece each: hardly ever is one so large that it is not. */
function readable(frames: Message, delimiterAt: number): Message {
  for (let i = delimiterAt + 1; i < delimiterAt + SIGNED_FRAMES; i++) {
    if (frames[i]![morePieces] === undefined) continue
    return frames.map((frame, at) => (at < delimiterAt + SIGNED_FRAMES ? joinedFrame(frame) : frame))
  }
  return frames
}

function parseObject(frame: Frame, what: string): Json {
  // Most metadata and content is empty; not parsing it saves a microsecond a message.
  if (frame.length === 2 && frame[0] === 0x7b && frame[1] === 0x7d) return {}
  let value: unknown
  try {
    value = JSON.parse(frame.toString())
  } catch (cause) {
    throw new RemoteProtocolError(`the ${what} of a message is not JSON`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RemoteProtocolError(`the ${what} of a message is not a JSON object`)
  }
  return value as Json
}
