/**
 * One end of a ZMTP 3.1 connection with the NULL mechanism, which also meets 3.0 peers: bytes in, effects out. It
 * decides what is sent when, what is delivered, and when a peer has forfeited its connection. It knows no socket, no
 * clock and no other connection.
 *
 * ```
 *            connected                64 good bytes              READY that fits
 *   idle ─────────────► greeting ─────────────────► handshake ─────────────────► open
 *            ▸greeting      │           ▸READY          │            ▸opened       │
 *                           └─────────────┬─────────────┴─────────────┬───────────┘
 *                             a violation, ERROR, silence          ended
 *                                         └────────► closed ◄─────────┘
 * ```
 *
 * 1. The greeting is written whole, at once, and before anything else.
 * 2. Until the peer's READY has arrived, nothing but greeting and READY is written.
 * 3. Messages are delivered whole or not at all, and only while the machine is open. A relay hears before that, once,
 *    that a large one comes.
 * 4. A PING is answered at once, in the middle of a message too.
 * 5. The first violation closes; after that there are no effects any more.
 */
import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import type { Frame, SocketType } from '../socket.ts'
import { parseCommand, parseReady, pingFrame, pongFrame, readyFrame } from './command.ts'
import { FrameDecoder, type FrameLimits } from './frame-decoder.ts'
import { GREETING, GREETING_BYTES, greetingMinor, greetingViolation } from './greeting.ts'
import { Pace } from './pace.ts'

export type ZmtpEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  /** So many bytes were read straight into the `hole`. */
  | { readonly type: 'filled'; readonly count: number }
  | { readonly type: 'tick' }
  /** We read again after a pause of our own making, in which silence meant nothing. */
  | { readonly type: 'resumed' }
  | { readonly type: 'ended' }

export type ZmtpEffect =
  | { readonly type: 'write'; readonly bytes: Buffer }
  | { readonly type: 'opened'; readonly identity: Buffer; readonly minor: 0 | 1 }
  | { readonly type: 'deliver'; readonly message: Frame[] }
  /** The next message to be delivered will soon be here: its frames but the last, and what is there of that one. */
  | {
      readonly type: 'arriving'
      readonly head: readonly Frame[]
      readonly size: number
      readonly pieces: readonly Buffer[]
    }
  | { readonly type: 'subscribe' | 'cancel'; readonly topic: Buffer }
  | { readonly type: 'close'; readonly cause: string }

export type ZmtpState = 'idle' | 'greeting' | 'handshake' | 'open' | 'closed'

export interface ZmtpOptions {
  readonly type: SocketType
  /** Our own name; empty where we have none. */
  readonly identity: Buffer
  readonly limits: FrameLimits
  /** Large frames are delivered as they arrive, for a relay. */
  readonly largeFramesInPieces: boolean
  /** Large messages are told of before they are whole, for a relay. */
  readonly tellsArrivals: boolean
  readonly handshakeMs: Millis
  readonly heartbeat: { readonly intervalMs: Millis; readonly timeoutMs: Millis } | undefined
}

/** The legal ways from one state to another; everything else is a bug of ours. */
export const ZMTP_TRANSITIONS: Readonly<Record<ZmtpState, readonly ZmtpState[]>> = {
  idle: ['greeting', 'closed'],
  greeting: ['handshake', 'closed'],
  handshake: ['open', 'closed'],
  open: ['closed'],
  closed: [],
}

/** Which socket types may talk to which. */
export const ZMTP_PARTNERS: Readonly<Record<SocketType, readonly string[]>> = {
  ROUTER: ['DEALER', 'ROUTER', 'REQ'],
  DEALER: ['ROUTER', 'DEALER', 'REP'],
  PUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
  XPUB: ['SUB', 'XSUB'],
  XSUB: ['PUB', 'XPUB'],
}

/** A smaller message is here before it is worth telling that it comes. */
const ARRIVAL_BYTES_MIN = 1024 * 1024
const NEVER = Number.POSITIVE_INFINITY

export class ZmtpMachine {
  readonly #options: ZmtpOptions
  readonly #publishes: boolean
  readonly #decoder: FrameDecoder
  readonly #greeting = Buffer.alloc(GREETING_BYTES)
  #greetingBytes = 0
  #minor: 0 | 1 = 1
  #state: ZmtpState = 'idle'
  #effects: ZmtpEffect[] = []
  /** The large frame that is coming in, by its pieces, and its pace until that was told of. */
  #watched: readonly Buffer[] | undefined
  #pace: Pace | undefined
  #pingAtMs: Millis = NEVER
  /** When the peer's silence becomes its end: set by the handshake and by a PING, lifted by anything heard. */
  #deadlineMs: Millis = NEVER

  constructor(options: ZmtpOptions) {
    this.#options = options
    this.#publishes = options.type === 'PUB' || options.type === 'XPUB'
    const sink = {
      message: (frames: Frame[]) => this.#takeMessage(frames),
      command: (body: Frame) => this.#takeCommand(body),
    }
    this.#decoder = new FrameDecoder(options.limits, sink, options.largeFramesInPieces)
  }

  get state(): ZmtpState {
    return this.#state
  }

  /** Where the next bytes may be read to without being copied, if anywhere. */
  get hole(): Buffer | undefined {
    return this.#decoder.hole
  }

  /** When the shell must next deliver a `tick`. */
  get wakeAtMs(): Millis {
    return Math.min(this.#pingAtMs, this.#deadlineMs)
  }

  /** The only way to change this machine. Returns what the shell must now do, in order. */
  handle(event: ZmtpEvent, nowMs: Millis): ZmtpEffect[] {
    if (this.#state === 'closed') return []
    const violation = this.#react(event, nowMs)
    if (violation !== undefined) this.#close(violation)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** @returns why the connection has to end, if it has */
  #react(event: ZmtpEvent, nowMs: Millis): string | undefined {
    switch (event.type) {
      case 'connected':
        this.#enter('greeting')
        this.#deadlineMs = nowMs + this.#options.handshakeMs
        this.#effects.push({ type: 'write', bytes: GREETING })
        return undefined
      case 'bytes':
        return this.#read(event.bytes, nowMs)
      case 'filled':
        this.#deadlineMs = NEVER
        return this.#decoder.filled(event.count)
      case 'tick':
        return this.#tick(nowMs)
      case 'resumed':
        if (this.#state === 'open') this.#deadlineMs = NEVER
        return undefined
      case 'ended':
        return `connection closed by the peer${this.#decoder.inMessage ? ' in the middle of a message' : ''}`
    }
  }

  #read(bytes: Buffer, nowMs: Millis): string | undefined {
    let rest = bytes
    if (this.#state === 'greeting') {
      const taken = bytes.copy(this.#greeting, this.#greetingBytes)
      this.#greetingBytes += taken
      const violation = greetingViolation(this.#greeting, this.#greetingBytes)
      if (violation !== undefined || this.#greetingBytes < GREETING_BYTES) return violation
      this.#minor = greetingMinor(this.#greeting)
      this.#enter('handshake')
      this.#effects.push({ type: 'write', bytes: this.#ready() })
      rest = bytes.subarray(taken)
    }
    const wasOpen = this.#state === 'open'
    const violation = this.#decoder.decode(rest)
    if (violation !== undefined || this.#state !== 'open') return violation
    this.#deadlineMs = NEVER
    const { heartbeat, tellsArrivals } = this.#options
    if (tellsArrivals) this.#watch(bytes.length, nowMs)
    if (!wasOpen && heartbeat !== undefined) this.#pingAtMs = nowMs + heartbeat.intervalMs
    return undefined
  }

  /** Tells of a large message, once, when its rest will soon be here. */
  #watch(readBytes: number, nowMs: Millis): void {
    const frame = this.#decoder.growing(ARRIVAL_BYTES_MIN)
    if (frame === undefined) return
    const { head, size, pieces } = frame
    if (pieces !== this.#watched) {
      this.#watched = pieces
      this.#pace = new Pace(size, nowMs)
    }
    if (this.#pace?.grew(readBytes, frame.bytes, nowMs) !== true) return
    this.#pace = undefined
    this.#effects.push({ type: 'arriving', head, size, pieces })
  }

  #ready(): Buffer {
    const { type, identity } = this.#options
    return readyFrame(type, type === 'ROUTER' || type === 'DEALER' ? identity : undefined)
  }

  #takeMessage(frames: Frame[]): string | undefined {
    this.#watched = undefined
    if (this.#publishes && frames.length === 1) {
      const frame = frames[0]!
      // A peer of 3.0 subscribes by messages. libzmq takes them from newer ones too, and so do we.
      if (frame.length > 0 && frame[0]! <= 1) {
        this.#effects.push({ type: frame[0] === 1 ? 'subscribe' : 'cancel', topic: frame.subarray(1) })
        return undefined
      }
    }
    this.#effects.push({ type: 'deliver', message: frames })
    return undefined
  }

  #takeCommand(body: Frame): string | undefined {
    const command = parseCommand(body)
    if (command === undefined) return 'a malformed command'
    if (command.name === 'ERROR') return `the peer refused us: ${errorReason(command.data)}`
    if (this.#state === 'handshake') {
      return command.name === 'READY' ? this.#open(command.data) : `${printable(command.name)} before READY`
    }
    switch (command.name) {
      case 'PING':
        return this.#answerPing(command.data)
      case 'SUBSCRIBE':
      case 'CANCEL':
        if (this.#publishes) {
          this.#effects.push({
            type: command.name === 'CANCEL' ? 'cancel' : 'subscribe',
            topic: command.data,
          })
        }
        return undefined
      default:
        // PONG has done its work by being heard; unknown commands are for later versions of the protocol.
        return undefined
    }
  }

  #open(data: Buffer): string | undefined {
    const ready = parseReady(data)
    if (ready === undefined) return 'a malformed READY'
    const { socketType, identity } = ready
    if (socketType !== undefined && !ZMTP_PARTNERS[this.#options.type].includes(socketType)) {
      return `a ${printable(socketType)} cannot talk to a ${this.#options.type}`
    }
    this.#enter('open')
    this.#decoder.commandsOnly = false
    this.#effects.push({ type: 'opened', identity, minor: this.#minor })
    return undefined
  }

  #answerPing(data: Buffer): string | undefined {
    const pong = pongFrame(data)
    if (pong === undefined) return 'a malformed PING'
    this.#effects.push({ type: 'write', bytes: pong })
    return undefined
  }

  #tick(nowMs: Millis): string | undefined {
    if (nowMs >= this.#deadlineMs) {
      return this.#state === 'open' ? 'heartbeat lost' : 'handshake not finished in time'
    }
    const { heartbeat } = this.#options
    if (heartbeat === undefined || nowMs < this.#pingAtMs) return undefined
    this.#pingAtMs = nowMs + heartbeat.intervalMs
    if (this.#deadlineMs === NEVER) this.#deadlineMs = nowMs + heartbeat.timeoutMs
    this.#effects.push({ type: 'write', bytes: pingFrame(heartbeat.intervalMs + heartbeat.timeoutMs) })
    return undefined
  }

  #close(cause: string): void {
    this.#enter('closed')
    this.#pingAtMs = NEVER
    this.#deadlineMs = NEVER
    this.#effects.push({ type: 'close', cause })
  }

  #enter(state: ZmtpState): void {
    invariant(
      ZMTP_TRANSITIONS[this.#state].includes(state),
      `a connection cannot go from ${this.#state} to ${state}`,
    )
    this.#state = state
  }
}

function errorReason(data: Buffer): string {
  return printable(data.toString('latin1', 1, 1 + (data[0] ?? 0))) || 'no reason given'
}

/** What a stranger wrote, fit for a log line. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?')
}
