import { Queue } from '../../src/base/queue.ts'
import type { Message } from '../../src/transport/socket.ts'
import { type ZmtpEffect, ZmtpMachine, type ZmtpOptions } from '../../src/transport/state/zmtp-machine.ts'
import { WriteBatch } from '../../src/transport/write-batch.ts'
import { texts } from './transport-tools.ts'

/** Messages as they go over the wire, through the real encoder. */
export function encoded(...messages: readonly Message[]): Buffer {
  const queue = new Queue<Message>()
  for (const message of messages) queue.push(message)
  const pieces: Buffer[] = []
  const batch = new WriteBatch()
  while (queue.length > 0) {
    batch.fill(queue)
    pieces.push(...batch.pieces.map(piece => Buffer.from(piece)))
    batch.release()
  }
  return Buffer.concat(pieces)
}

export const LIMITS = {
  frameBytesMax: 1_000_000,
  messageFramesMax: 100,
  messageBytesMax: 2_000_000,
  commandBytesMax: 1000,
}

export function machine(options: Partial<ZmtpOptions> = {}): ZmtpMachine {
  return new ZmtpMachine({
    type: 'ROUTER',
    identity: Buffer.alloc(0),
    limits: LIMITS,
    largeFramesInPieces: false,
    tellsArrivals: false,
    handshakeMs: 30_000,
    heartbeat: undefined,
    ...options,
  })
}

/** An effect in one line, for comparing. */
export function line(effect: ZmtpEffect): string {
  switch (effect.type) {
    case 'write':
      return `write ${effect.bytes.toString('hex')}`
    case 'opened':
      return `opened ${effect.identity.toString('latin1')} 3.${effect.minor}`
    case 'deliver':
      return `deliver ${texts(effect.message).join('|')}`
    case 'arriving':
      return `arriving ${texts(effect.head).join('|')} and ${effect.size} bytes`
    case 'subscribe':
    case 'cancel':
      return `${effect.type} ${effect.topic.toString('latin1')}`
    case 'close':
      return `close ${effect.cause}`
  }
}

export function lines(effects: readonly ZmtpEffect[]): string[] {
  return effects.map(line)
}

/** Two real machines joined by a pretend wire that cuts what is written into pieces of `pieceBytes`. */
export class MachinePair {
  readonly ends: readonly [ZmtpMachine, ZmtpMachine]
  /** What each end did besides writing. */
  readonly stories: readonly [string[], string[]] = [[], []]
  readonly #pieceBytes: number
  readonly #wire: { readonly to: 0 | 1; readonly bytes: Buffer }[] = []

  constructor(one: Partial<ZmtpOptions>, other: Partial<ZmtpOptions>, pieceBytes = Number.POSITIVE_INFINITY) {
    this.ends = [machine(one), machine(other)]
    this.#pieceBytes = pieceBytes
    for (const end of [0, 1] as const) this.#did(end, this.ends[end].handle({ type: 'connected' }, 0))
    this.settle()
  }

  /** Puts bytes on the wire as if the shell of `from` had written them, and carries everything over. */
  write(from: 0 | 1, bytes: Buffer): void {
    this.#put(from === 0 ? 1 : 0, bytes)
    this.settle()
  }

  settle(): void {
    for (let item = this.#wire.shift(); item !== undefined; item = this.#wire.shift()) {
      this.#did(item.to, this.ends[item.to].handle({ type: 'bytes', bytes: item.bytes }, 0))
    }
  }

  #put(to: 0 | 1, bytes: Buffer): void {
    const step = Math.min(this.#pieceBytes, bytes.length)
    for (let at = 0; at < bytes.length; at += step) {
      this.#wire.push({ to, bytes: bytes.subarray(at, Math.min(bytes.length, at + step)) })
    }
  }

  #did(end: 0 | 1, effects: readonly ZmtpEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'write') this.#put(end === 0 ? 1 : 0, effect.bytes)
      else this.stories[end].push(line(effect))
    }
  }
}
