/**
 * A session makes and checks messages: it numbers, dates and signs what goes out, and verifies what comes in, once,
 * refusing what was forged, unsigned or seen before.
 *
 * Wire format: wire-protocol reference, section 2.
 */

import { userInfo } from 'node:os'
import process from 'node:process'
import { type MessageId, newSessionId, type SessionId } from '../base/ids.ts'
import type { Frame, Message } from '../transport/socket.ts'
import type { MessageType } from './catalogue.ts'
import { DELIMITER, Envelope, type Header, type Json } from './envelope.ts'
import { Signer } from './signature.ts'
import { SignatureMemory } from './signature-memory.ts'

/** Version of the Jupyter protocol that our headers state. Receivers look at the major number only. */
const PROTOCOL_VERSION = '5.3'
const EMPTY_OBJECT: Frame = Buffer.from('{}')
const NO_SIGNATURE: Frame = Buffer.alloc(0)

/** Why a message was refused. Nothing is ever answered to any of these. */
export type Refusal = 'malformed' | 'unsigned' | 'forged' | 'replayed'

export interface OutgoingMessage {
  readonly type: MessageType
  readonly content?: object | undefined
  readonly metadata?: object | undefined
  /** Header of the request that this answers: as parsed, or as the very frame that it came in. */
  readonly parentHeader?: Partial<Header> | Frame
  readonly buffers?: Message | undefined
  /** Chosen by the caller; otherwise the session numbers it. */
  readonly msgId?: string
  /** Of `dateNow`. With id and date given, the same message is the same bytes each time that it is packed. */
  readonly date?: string
}

export interface SessionOptions {
  /** HMAC key of the cluster; empty: neither signed nor verified. */
  readonly key: string
  /** Default: a fresh one. An engine's session id is its uuid. */
  readonly sessionId?: string
  readonly username?: string
}

export class Session {
  readonly id: SessionId
  readonly #signer: Signer | undefined
  readonly #seen = new SignatureMemory()
  readonly #idPrefix: string
  readonly #headerTail: string
  #counter = 0

  constructor(options: SessionOptions) {
    this.id = (options.sessionId ?? newSessionId()) as SessionId
    this.#signer = options.key === '' ? undefined : new Signer(options.key)
    this.#idPrefix = `${this.id}_${process.pid}_`
    const username = options.username ?? process.env.USER ?? currentUser()
    this.#headerTail = `,"username":${JSON.stringify(username)},"session":"${this.id}","version":"${PROTOCOL_VERSION}"}`
  }

  /** The next message id of this session: letters, digits, `_` and `-` only. */
  nextMessageId(): MessageId {
    this.#counter += 1
    return (this.#idPrefix + this.#counter) as MessageId
  }

  /** A signed message from the delimiter on. */
  pack(message: OutgoingMessage): Frame[] {
    // Written by hand: ids and types need no escaping, and JSON.stringify of six fields costs three times as much.
    const msgId = message.msgId ?? this.nextMessageId()
    const date = message.date ?? dateNow()
    const header = Buffer.from(
      `{"msg_id":"${msgId}","msg_type":"${message.type}","date":"${date}"${this.#headerTail}`,
    )
    return this.#frames(
      header,
      encodeParent(message.parentHeader),
      encode(message.metadata),
      encode(message.content),
      message.buffers,
    )
  }

  /** Signs parts that the caller encoded: for relays that must rewrite a message (broadcast, resubmit). */
  packParts(
    header: object,
    parentHeader: object,
    metadata: object,
    content: Frame,
    buffers?: Message,
  ): Frame[] {
    return this.#frames(encode(header), encode(parentHeader), encode(metadata), content, buffers)
  }

  /**
   * Cuts and verifies a received message, and remembers its signature.
   *
   * @param peek - do not remember it: for a process that reads one message at several places.
   * @returns the message, or why it must be dropped. Its JSON parts are not parsed yet and may still be broken.
   */
  open(frames: Message, peek = false): Envelope | Refusal {
    const envelope = Envelope.cut(frames)
    if (envelope === undefined) return 'malformed'
    if (this.#signer === undefined) return envelope
    const signature = envelope.signature
    if (signature.length === 0) return 'unsigned'
    const genuine = this.#signer.verify(
      signature,
      envelope.headerFrame,
      envelope.parentHeaderFrame,
      envelope.metadataFrame,
      envelope.contentFrame,
    )
    if (!genuine) return 'forged'
    const fresh = peek ? !this.#seen.has(signature) : this.#seen.add(signature)
    return fresh ? envelope : 'replayed'
  }

  #frames(
    header: Frame,
    parent: Frame,
    metadata: Frame,
    content: Frame,
    buffers: Message | undefined,
  ): Frame[] {
    const signature =
      this.#signer === undefined
        ? NO_SIGNATURE
        : Buffer.from(this.#signer.sign(header, parent, metadata, content), 'latin1')
    const frames = [DELIMITER, signature, header, parent, metadata, content]
    if (buffers !== undefined) for (const buffer of buffers) frames.push(buffer)
    return frames
  }
}

function encode(part: object | undefined): Frame {
  return part === undefined ? EMPTY_OBJECT : Buffer.from(JSON.stringify(part))
}

function encodeParent(parent: Partial<Header> | Frame | undefined): Frame {
  return Buffer.isBuffer(parent) ? parent : encode(parent as Json | undefined)
}

function currentUser(): string {
  try {
    return userInfo().username
  } catch {
    return 'username'
  }
}

const THREE_DIGITS = Array.from({ length: 1000 }, (_, i) => `${String(i).padStart(3, '0')}Z`)
let lastDateMs = 0
let lastDate = ''
let datesThisMs = 0

/**
 * Now in UTC, as ISO 8601 with six fraction digits. The last three count the calls within the millisecond: a message that
 * is sent again at once must not be the same bytes, or its receiver drops it as seen before.
 */
export function dateNow(): string {
  const nowMs = Date.now()
  if (nowMs === lastDateMs) {
    datesThisMs = (datesThisMs + 1) % THREE_DIGITS.length
  } else {
    lastDateMs = nowMs
    lastDate = new Date(nowMs).toISOString().slice(0, -1)
    datesThisMs = 0
  }
  return lastDate + THREE_DIGITS[datesThisMs]!
}
