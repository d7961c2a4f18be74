/**
 * Between a socket's pattern (who gets which message) and what carries its bytes: a link is one live connection, a
 * carrier makes links. TCP and memory differ in these, and in nothing else.
 */
import type { Arrival } from './arrival.ts'
import { frameBytes } from './pieces.ts'
import type { Frame, Message } from './socket.ts'

/** One connection whose handshake is done. */
export interface Link {
  /** The name the peer chose, or, empty at first, the one that a ROUTER gives it. */
  identity: Buffer
  readonly remote: string
  /** Bytes of messages taken that the system has not taken from us yet. */
  readonly waitingBytes: number
  /** Messages taken so far, and how many of them were handed on: both only grow. */
  readonly messagesTaken: number
  readonly messagesHanded: number
  /** We ended it in the middle of a message: its peer will be back, and knows nothing of what waits here. */
  readonly isCutShort?: boolean
  send(message: Message): void
  /** Begins to send a message that is still coming in, if nothing else is under way. Only over TCP. */
  passOn?(head: Message, arrival: Arrival): void
  /** Tells a publisher what we want, or no longer want. */
  sendTopic(subscribe: boolean, topic: Buffer): void
  close(cause: string): void
}

/** What a carrier tells the socket it works for. */
export interface LinkHost {
  opened(link: Link): void
  received(link: Link, message: Frame[]): void
  /** A message that will be received soon, without its last frame. */
  arriving(link: Link, head: readonly Frame[], arrival: Arrival): void
  /** The messages of one read have all been delivered. */
  batchEnded(): void
  topicChanged(link: Link, subscribe: boolean, topic: Buffer): void
  /** Some of what waited was handed on. */
  handed(link: Link): void
  /** The link ends once what it took is written; it takes nothing more. `closed` follows. */
  leaving(link: Link): void
  /** @param unsent what was taken and never handed on, in order */
  closed(link: Link, cause: string, unsent: Message[]): void
}

/** Makes links by listening and connecting. */
export interface Carrier {
  bind(url: string): Promise<string>
  connect(url: string): void
  disconnect(url: string): void
  pause(): void
  resume(): void
  close(lingerMs: number): Promise<void>
}

/** What a frame costs besides its bytes: without it, a million empty frames would wait for nothing. */
export const FRAME_OVERHEAD_BYTES = 32

/** What a message counts for high-water marks. */
export function messageBytes(message: Message): number {
  let bytes = message.length * FRAME_OVERHEAD_BYTES
  for (let i = 0; i < message.length; i++) bytes += frameBytes(message[i]!)
  return bytes
}
