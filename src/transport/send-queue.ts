import { Queue } from '../base/queue.ts'
import type { Arrival } from './arrival.ts'
import { messageBytes } from './link.ts'
import type { Message } from './socket.ts'
import { WriteBatch } from './write-batch.ts'

/** What waits to be written to one peer, in order, and what is being written. */
export class SendQueue {
  messagesTaken = 0
  messagesHanded = 0
  /** Bytes of messages that wait and are in no batch yet. */
  queuedBytes = 0
  readonly #messages = new Queue<Message>()
  readonly #batch = new WriteBatch()
  /** A message that goes out while it comes in: all others wait for its end. */
  #arrival: Arrival | undefined

  get waitingBytes(): number {
    return this.queuedBytes + this.#batch.bytes + (this.#arrival?.waitingBytes ?? 0)
  }

  /** Counted as they are for high-water marks. */
  get batchBytes(): number {
    return this.#batch.bytes
  }

  /** Whether there is nothing but what is being written. */
  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#arrival === undefined
  }

  /** Whether a message has gone out in part, and its rest is still to come. */
  get isInMessage(): boolean {
    return this.#arrival !== undefined
  }

  /** @returns messages that were in no batch. */
  get unsent(): Message[] {
    return [...this.#messages]
  }

  push(message: Message): void {
    this.messagesTaken += 1
    if (this.#arrival?.confirm(message) === true) return
    this.#messages.push(message)
    this.queuedBytes += messageBytes(message)
  }

  /** Begins with a message that is still coming in. Nothing else may wait. */
  begin(head: Message, arrival: Arrival): void {
    this.#arrival = arrival
    this.#batch.begin(head, arrival.size)
  }

  /** The next batch, if there is something to write. `handed` must follow. */
  next(): readonly Buffer[] {
    if (this.#arrival !== undefined) this.#goOn(this.#arrival)
    if (this.#arrival === undefined) {
      const before = this.#batch.bytes
      this.#batch.fill(this.#messages)
      this.queuedBytes -= this.#batch.bytes - before
    }
    return this.#batch.pieces
  }

  /** The batch was written. */
  handed(): void {
    this.messagesHanded += this.#batch.messages
    this.#batch.release()
  }

  /** The connection ends. */
  clear(): void {
    this.#messages.clear()
    this.queuedBytes = 0
    this.#arrival?.leave()
    this.#arrival = undefined
  }

  /** Whether what has gone out in part may never come to its end. */
  get isDoubtful(): boolean {
    return this.#arrival?.isConfirmed === false
  }

  #goOn(arrival: Arrival): void {
    this.#batch.goOn(arrival.take())
    if (!arrival.isTaken) return
    this.#batch.messages += 1
    this.#arrival = undefined
  }
}
