import type { Clock, Millis } from '../base/clock.ts'

interface Timer {
  readonly atMs: Millis
  readonly number: number
  /** Undefined once it was cancelled. */
  wake: (() => void) | undefined
}

/** Time that goes on only when it is told to. What is due at the same moment happens in the order in which it was asked for. */
export class SimulatedClock implements Clock {
  readonly #heap: Timer[] = []
  #nowMs: Millis = 0
  #timers = 0
  #live = 0

  nowMs(): Millis {
    return this.#nowMs
  }

  after(delayMs: Millis, wake: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), number: this.#timers, wake }
    this.#timers += 1
    this.#live += 1
    this.#push(timer)
    return () => {
      if (timer.wake === undefined) return
      timer.wake = undefined
      this.#live -= 1
    }
  }

  /** How many timers are set. */
  get timerCount(): number {
    return this.#live
  }

  /** Runs the next timer, at its moment. False: there is none until `untilMs`, which it is now. */
  step(untilMs: Millis): boolean {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.wake !== undefined && first.atMs > untilMs) break
      this.#pop()
      if (first.wake === undefined) continue
      this.#nowMs = Math.max(this.#nowMs, first.atMs)
      const { wake } = first
      first.wake = undefined
      this.#live -= 1
      wake()
      return true
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
    return false
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number)
}

/**
 * A process as the system sees it: it runs, is stopped as by SIGSTOP, or is dead. It is also the clock of what runs in
 * it: while it is stopped nothing wakes it, and what was due happens when it goes on.
 */
export class SimulatedProcess implements Clock {
  readonly name: string
  readonly #clock: SimulatedClock
  readonly #heldUp: (() => void)[] = []
  #state: 'running' | 'stopped' | 'dead' = 'running'
  readonly #timers = new Set<() => void>()
  #turns = 0

  constructor(name: string, clock: SimulatedClock) {
    this.name = name
    this.#clock = clock
  }

  get isAlive(): boolean {
    return this.#state !== 'dead'
  }

  /** How often something was run in it: what did not run did not change. */
  get turns(): number {
    return this.#turns
  }

  nowMs(): Millis {
    return this.#clock.nowMs()
  }

  after(delayMs: Millis, wake: () => void): () => void {
    let isCancelled = false
    const stopTimer = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      this.run(() => {
        if (!isCancelled) wake()
      })
    })
    const cancel = (): void => {
      isCancelled = true
      this.#timers.delete(cancel)
      stopTimer()
    }
    this.#timers.add(cancel)
    return cancel
  }

  /** Runs something in this process: now, or when it goes on, or never. */
  run(action: () => void): void {
    if (this.#state === 'running') {
      this.#turns += 1
      action()
    } else if (this.#state === 'stopped') this.#heldUp.push(action)
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  goOn(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    for (const action of this.#heldUp.splice(0)) this.run(action)
  }

  die(): void {
    this.#state = 'dead'
    this.#heldUp.length = 0
    for (const cancel of this.#timers) cancel()
  }
}
