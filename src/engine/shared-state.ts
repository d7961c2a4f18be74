/**
 * Memory that both threads see at once, for what must not wait until the main thread reads its messages.
 */

import { BEGUN_TASKS_SLOTS, BegunTasks } from './begun-tasks.ts'

/** Slots of the shared Int32Array. */
const INBOX = 0
const OPEN_SEQUENCE = 1
const WRITING = 2
const WAITING_CHARS = 3
const EXIT_HANDLED = 4
const BEGUN = 5
const INTERRUPTED = 6
const SLOTS = 8

const WRITING_MS = 100

export class SharedState {
  readonly buffer: SharedArrayBuffer
  readonly begunTasks: BegunTasks
  readonly #slots: Int32Array

  constructor(buffer = new SharedArrayBuffer((SLOTS + BEGUN_TASKS_SLOTS) * 4)) {
    this.buffer = buffer
    this.#slots = new Int32Array(buffer, 0, SLOTS)
    this.begunTasks = new BegunTasks(new Int32Array(buffer, SLOTS * 4))
  }

  /** How many urgent messages the io thread has posted so far: a change means that the port must be read now. */
  get inboxCount(): number {
    return Atomics.load(this.#slots, INBOX)
  }

  announceInbox(): void {
    Atomics.add(this.#slots, INBOX, 1)
  }

  /**
   * The stream message that text may still be added to; 0 when there is none. The main thread opens, the io thread
   * closes. Between `beginWriting` and `endWriting` what was open stays open, so that nothing is added to a message
   * that is already on its way.
   */
  get openSequence(): number {
    return Atomics.load(this.#slots, OPEN_SEQUENCE)
  }

  open(sequence: number): void {
    Atomics.store(this.#slots, OPEN_SEQUENCE, sequence)
  }

  beginWriting(): void {
    Atomics.store(this.#slots, WRITING, 1)
  }

  endWriting(): void {
    Atomics.store(this.#slots, WRITING, 0)
    Atomics.notify(this.#slots, WRITING)
  }

  /** Closes `sequence` for more text. Afterwards everything that belongs to it has been posted. */
  close(sequence: number): void {
    Atomics.compareExchange(this.#slots, OPEN_SEQUENCE, sequence, 0)
    // The main thread holds this for a microsecond, unless the system takes its core away meanwhile. It may also be torn
    // out of it by an interrupt: hence the bound.
    Atomics.wait(this.#slots, WRITING, 1, WRITING_MS)
  }

  /** Characters of output that the main thread has posted and the io thread has not sent yet. */
  get waitingChars(): number {
    return Atomics.load(this.#slots, WAITING_CHARS)
  }

  addWaiting(chars: number): void {
    Atomics.add(this.#slots, WAITING_CHARS, chars)
  }

  subtractWaiting(chars: number): void {
    Atomics.sub(this.#slots, WAITING_CHARS, chars)
    Atomics.notify(this.#slots, WAITING_CHARS)
  }

  /** Blocks this thread until less output waits, or for `timeoutMs`. */
  waitForOutput(timeoutMs: number): void {
    Atomics.wait(this.#slots, WAITING_CHARS, Atomics.load(this.#slots, WAITING_CHARS), timeoutMs)
  }

  /** The main thread begins request number `count`. */
  setBegun(count: number): void {
    Atomics.store(this.#slots, BEGUN, count)
  }

  /** Number of the request that was begun last. */
  get begun(): number {
    return Atomics.load(this.#slots, BEGUN)
  }

  /** Remembers that the request which runs now is meant to end. */
  markInterrupted(): void {
    Atomics.store(this.#slots, INTERRUPTED, Atomics.load(this.#slots, BEGUN))
  }

  /** Whether the request that was begun last is meant to end. */
  get isInterrupted(): boolean {
    return Atomics.load(this.#slots, INTERRUPTED) === Atomics.load(this.#slots, BEGUN)
  }

  /** Blocks the exiting main thread until the io thread has said good-bye for it. */
  waitForExitHandled(timeoutMs: number): void {
    Atomics.wait(this.#slots, EXIT_HANDLED, 0, timeoutMs)
  }

  setExitHandled(): void {
    Atomics.store(this.#slots, EXIT_HANDLED, 1)
    Atomics.notify(this.#slots, EXIT_HANDLED)
  }
}
