/**
 * A message that a relay passes on while it still comes in.
 *
 * A relay looks at the first frames of a message only, and a large last one may take its time: who has it whole before
 * he sends the first byte makes every transfer take twice as long. So what is there may go out at once, on the
 * connection that the first frames name. Nothing is decided by that: the message is delivered when it is whole, as any
 * other, and only when the relay then sends it, the same one to the same peer, does its end go out. If it is not sent,
 * or does not come to its end, that peer has half a message, and its connection ends.
 *
 * Invariants
 * 1. The last byte goes out only after the whole message was sent as any other.
 * 2. What has arrived is kept: whatever goes wrong, the whole message can be sent again.
 */
import { Alarm } from '../base/alarm.ts'
import type { Clock, Millis } from '../base/clock.ts'
import { morePieces } from './pieces.ts'
import type { Frame, Message } from './socket.ts'

/** How often it is looked at. Nothing new since the last time is the end of it. */
const CHECK_MS: Millis = 2000
/** So often, and never again: what else waits for the same peer must not wait for ever. */
const CHECKS_MAX = 5

/** So much goes out at a time: each write wakes the receiver, and where cores are few, that holds up the sender. */
const BYTES_AT_ONCE = 1024 * 1024

/** The connection that a message goes out on while it comes in. */
export interface ArrivalCarrier {
  /** More of it is there. */
  flush(): void
  /** The rest will not come. */
  cutShort(cause: string): void
}

export class Arrival {
  /** Bytes of the last frame. */
  readonly size: number
  /** What is there of it. The list grows. */
  readonly #pieces: readonly Buffer[]
  readonly #clock: Clock
  readonly #alarm: Alarm
  #head: Message = []
  #carrier: ArrivalCarrier | undefined
  /** The whole message was sent. */
  isConfirmed = false
  #taken = 0
  #takenBytes = 0
  /** What has come since it was last passed on. */
  #grownBytes = 0
  #checks = 0
  #checkedPieces = 0

  constructor(size: number, pieces: readonly Buffer[], clock: Clock) {
    this.size = size
    this.#pieces = pieces
    this.#clock = clock
    this.#alarm = new Alarm(clock, () => this.#check())
  }

  // The connection that it comes in on.

  get isPassedOn(): boolean {
    return this.#carrier !== undefined
  }

  /** So many bytes more are there. */
  grew(bytes: number): void {
    this.#grownBytes += bytes
    if (this.#grownBytes < BYTES_AT_ONCE) return
    this.#grownBytes = 0
    this.#carrier?.flush()
  }

  /** It was delivered, and whoever wanted to send it has done so. */
  delivered(): void {
    this.#cut('the message under way was not to be sent after all')
  }

  /** Its rest will not come. */
  lost(): void {
    this.#cut('the sender of the message under way is gone')
  }

  // The connection that it goes out on.

  /** @param head - the frames before the last one, as they are sent. */
  begin(carrier: ArrivalCarrier, head: Message): void {
    this.#carrier = carrier
    this.#head = head
    this.#alarm.set(this.#clock.nowMs() + CHECK_MS)
  }

  /** The whole message is sent. @returns false where it is another one. */
  confirm(message: Message): boolean {
    const last = message.length - 1
    if (this.isConfirmed || last !== this.#head.length || message[last] !== this.#pieces[0]) return false
    for (let i = 0; i < last; i++) if (!isSame(message[i]!, this.#head[i]!)) return false
    this.isConfirmed = true
    this.#alarm.close()
    return true
  }

  /** What has come since the last time. */
  take(): readonly Buffer[] {
    const from = this.#taken
    for (; this.#taken < this.#pieces.length; this.#taken++) {
      const { length } = this.#pieces[this.#taken]!
      // Invariant 1.
      if (!this.isConfirmed && this.#takenBytes + length >= this.size) break
      this.#takenBytes += length
    }
    return this.#pieces.slice(from, this.#taken)
  }

  /** All of it was taken. */
  get isTaken(): boolean {
    return this.#takenBytes === this.size
  }

  /** Bytes that are sent and not taken yet. */
  get waitingBytes(): number {
    return this.isConfirmed ? this.size - this.#takenBytes : 0
  }

  /** The connection is gone: the message is delivered all the same, as any other. */
  leave(): void {
    this.#carrier = undefined
    this.#alarm.close()
  }

  #check(): void {
    this.#checks += 1
    if (this.#pieces.length === this.#checkedPieces || this.#checks === CHECKS_MAX) {
      this.#cut('the rest of the message under way did not come')
      return
    }
    this.#checkedPieces = this.#pieces.length
    this.#alarm.set(this.#clock.nowMs() + CHECK_MS)
  }

  #cut(cause: string): void {
    if (this.isConfirmed) return
    const carrier = this.#carrier
    this.leave()
    carrier?.cutShort(cause)
  }
}

/** Frames in pieces are the same only if they are one. */
function isSame(one: Frame, other: Frame): boolean {
  if (one === other) return true
  return one[morePieces] === undefined && other[morePieces] === undefined && one.equals(other)
}
