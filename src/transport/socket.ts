/**
 * What every transport offers: ZeroMQ's socket types, as frames in and frames out.
 *
 * A message is a list of frames. A ROUTER's messages begin with the identity of the peer, both ways; a DEALER's have
 * none. PUB and XPUB filter by the first bytes of the first frame. Nothing here knows what frames mean.
 */

import type { Arrival } from './arrival.ts'
import type { morePieces } from './pieces.ts'

/** One part of a message. Never change the bytes of a frame that was received or handed to `send`, nor the list itself. */
export type Frame = Buffer & {
  /** Only on sockets with `largeFramesInPieces`: what follows this first piece. See pieces.ts. */
  readonly [morePieces]?: readonly Buffer[]
}
export type Message = readonly Frame[]

export type SocketType = 'ROUTER' | 'DEALER' | 'PUB' | 'SUB' | 'XPUB' | 'XSUB'

/**
 * What became of a message handed to `send`:
 *
 * - `ok`: it is on its way, or waits for a peer to connect;
 * - `full`: taken as well, but the high-water mark is reached: send no more until `drained()` resolves;
 * - `unroutable`: a ROUTER knows no such peer, or the socket is closed. The message was not taken.
 */
export type SendOutcome = 'ok' | 'full' | 'unroutable'

/** A connection that came or went. `cause` says why it went. */
export interface PeerEvent {
  readonly type: 'peer_joined' | 'peer_left'
  /** The peer's identity: its own choice, or the one a ROUTER made for it. Empty for PUB and SUB peers. */
  readonly identity: Buffer
  /** Address of the other end, such as `127.0.0.1:41234`. */
  readonly remote: string
  readonly cause?: string
  /** `peer_left` of a ROUTER's or publisher's peer: messages that were still waiting for it and are gone with it. */
  readonly messagesLost?: number
}

export interface SocketOptions {
  /** Our own name, 1 to 255 bytes, not beginning with a zero byte. Without it a ROUTER on the other side makes one. */
  readonly identity?: string | Uint8Array
  /** For DEALERs whose user sends again himself: what had not left when a connection broke is not kept for the next one. */
  readonly forgetsUnsent?: boolean
  /** Called once a message, in order, synchronously from the read loop. It must not throw. */
  readonly onMessage?: (message: Frame[]) => void
  readonly onPeer?: (event: PeerEvent) => void
  /**
   * Called after the messages of one read were all delivered: the moment for work that is better done once a batch.
   */
  readonly onBatchEnd?: () => void
  /** Bytes that may wait for one peer before `send` answers `full`. Default 64 MiB. */
  readonly sendHighWaterMarkBytes?: number
  /**
   * What a peer may announce. Defaults: 4 GiB a frame, 65,536 frames and 8 GiB a message. Over it the connection is
   * closed.
   */
  readonly frameBytesMax?: number
  readonly messageFramesMax?: number
  readonly messageBytesMax?: number
  /**
   * For relays: frames of 256 KiB and more are handed on in the pieces in which they arrived, neither joined nor copied.
   * `joinedFrame` makes one whole again.
   */
  readonly largeFramesInPieces?: boolean
  /**
   * For relays, on a ROUTER with `largeFramesInPieces`: called when the rest of a large message will soon be here, with the
   * frames before its last one, which is of 1 MiB or more. A socket may `passOn` it, there and then; `onMessage` follows
   * when the message is whole. It must not throw. Over TCP only: in memory messages arrive whole.
   */
  readonly onArrival?: (head: Frame[], arrival: Arrival) => void
  /** How long a peer may take from the connection to its READY. Default 30,000. */
  readonly handshakeMs?: number
  /** ZMTP PING every `intervalMs`; the connection is closed when nothing comes back for `timeoutMs`. Default: off. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number }
  /** False: what this socket connects to does not keep our own process from ending. Default: true. */
  readonly holdsProcess?: boolean
  /** Pause before a lost connection is tried again: from `minMs`, doubling up to `maxMs`. Default 50 to 1000. */
  readonly reconnect?: { readonly minMs: number; readonly maxMs: number }
}

export interface Socket {
  readonly type: SocketType
  /** Messages that a publisher withheld from subscribers whose queues were over the high-water mark. */
  readonly messagesDropped: number
  /** Listens. Resolves with the address in use: port 0 is replaced by the one the system chose. */
  bind(url: string): Promise<string>
  /** Connects now and whenever the connection is lost, until `disconnect` or `close`. */
  connect(url: string): void
  disconnect(url: string): void
  send(message: Message): SendOutcome
  /**
   * ROUTER: begins to send a message that is still coming in, if its peer has nothing else under way. When it is whole, and
   * before the `onMessage` that tells so returns, the same message must be sent as any other. If it is not, or if it does
   * not become whole, the peer is disconnected: it has half a message. What is sent to it until it is back waits.
   *
   * @param head - the frames before the last one, that of the peer's identity first.
   */
  passOn(head: Message, arrival: Arrival): void
  /** SUB and XSUB: receive messages whose first frame begins with `topic` (empty: all). */
  subscribe(topic: string | Uint8Array): void
  unsubscribe(topic: string | Uint8Array): void
  /** Stops reading from all peers: they are held back by TCP's own flow control. */
  pause(): void
  resume(): void
  /** Resolves when no peer's queue is above its high-water mark. */
  drained(): Promise<void>
  /** Resolves when all that was sent so far has been handed to the system. */
  flushed(): Promise<void>
  /** Writes out what is queued for connected peers, at most `lingerMs` (default 1000), then closes everything. */
  close(lingerMs?: number): Promise<void>
}

/** A way to carry frames. Endpoints are `tcp://host:port` or, in memory, `inproc://name`. */
export interface Transport {
  socket(type: SocketType, options?: SocketOptions): Socket
}
