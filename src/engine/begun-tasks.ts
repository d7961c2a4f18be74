/**
 * Which tasks of the balanced scheduler this engine has begun, in memory that both threads see: so that the io thread can
 * give tasks back while the main thread is blocked by one, and each of them is begun exactly once all the same.
 *
 * Main thread: takes the lock, enters the task, leaves; then reads its inbox, and drops the task if it was given back.
 * Io thread: takes the lock, takes out of what it is asked for whatever is entered, posts the rest to the inbox, leaves.
 * Whoever is first decides: a task that is entered is never given back, and one that was given back is found in the inbox.
 *
 * A task is known by a number made of its signature. Two that share one cost nothing but a task that is not given back.
 */

import type { Frame } from '../transport/socket.ts'

const LOCK = 0
const COUNT = 1
const RING = 2
/** The scheduler lets no engine hold more tasks: what it asks for, if it was begun, is among the last so many begun. */
const REMEMBERED = 2048
/** How long a thread sleeps before it looks at the lock again, which is held for some microseconds. */
const LOOK_MS = 1

/** Slots of an Int32Array that it takes. */
export const BEGUN_TASKS_SLOTS = RING + REMEMBERED

export class BegunTasks {
  readonly #slots: Int32Array

  constructor(slots: Int32Array) {
    this.#slots = slots
  }

  /** Enters a task. It is not to be run if it is found in the inbox afterwards. */
  enter(signature: Frame): void {
    const slots = this.#slots
    this.#lock()
    const count = slots[COUNT]!
    slots[RING + (count % REMEMBERED)] = numberOf(signature)
    slots[COUNT] = (count + 1) | 0
    this.#unlock()
  }

  /** @param post - puts those of the tasks that were not begun into the main thread's inbox. */
  giveBack(signatures: readonly string[], post: (signatures: readonly string[]) => void): readonly string[] {
    this.#lock()
    try {
      const begun = new Set(this.#slots.subarray(RING))
      const given = signatures.filter(signature => !begun.has(numberOf(Buffer.from(signature, 'latin1'))))
      if (given.length > 0) post(given)
      return given
    } finally {
      this.#unlock()
    }
  }

  #lock(): void {
    while (Atomics.compareExchange(this.#slots, LOCK, 0, 1) !== 0) Atomics.wait(this.#slots, LOCK, 1, LOOK_MS)
  }

  #unlock(): void {
    Atomics.store(this.#slots, LOCK, 0)
  }
}

/** Of 64 hexadecimal digits, the first eight and never 0, which stands for an empty place. */
function numberOf(signature: Frame): number {
  if (signature.length < 8) return 1
  const mixed =
    Math.imul(signature.readInt32LE(0), 0x9e3779b1) ^ Math.imul(signature.readInt32LE(4), 0x85ebca6b)
  return mixed === 0 ? 1 : mixed
}
