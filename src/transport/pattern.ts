import type { Arrival } from './arrival.ts'
import type { Link } from './link.ts'
import type { Frame, Message, SendOutcome } from './socket.ts'

/** What makes a ROUTER a ROUTER: who gets a message, and what becomes of one that arrives. */
export interface Pattern {
  /** Bytes of messages that wait for any peer to be there at all. */
  readonly waitingBytes: number
  /** Messages that waited so far, and how many of them were passed to a link: both only grow. */
  readonly messagesTaken: number
  readonly messagesHanded: number
  /** @returns why the link is refused, if it is */
  opened(link: Link): string | undefined
  closed(link: Link, unsent: readonly Message[]): void
  received(link: Link, message: Frame[]): void
  topicChanged(link: Link, subscribe: boolean, topic: Buffer): void
  send(message: Message): SendOutcome
  /** Only ROUTERs do. */
  passOn?(head: Message, arrival: Arrival): void
  subscribe(topic: Buffer): void
  unsubscribe(topic: Buffer): void
}

/** What a pattern may ask of its socket. */
export interface PatternHost {
  /** Over this a link's queue is full. `Infinity` where there is no mark. */
  readonly highWaterMarkBytes: number
  deliver(message: Frame[]): void
}
