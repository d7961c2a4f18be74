import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { promiseHooks } from 'node:v8'
import { keyboardInterrupt } from './keyboard-interrupt.ts'

/**
 * A chain goes on for ever, and a busy turn of the event loop does not: tearing one would take along what node and we had
 * still to do in it.
 */
const LASTING_MS = 200

export interface CallbackChainOptions {
  /** Orders that the stack be torn down at V8's next check. */
  readonly tear: () => void
  /** Whether what runs now is still what the interrupt was meant for. */
  readonly isMeant: () => boolean
  /** Whether user code itself has called the function of ours that runs. */
  readonly isCalledByUser: () => boolean
}

/**
 * Breaks chains of promise reactions, ticks and microtasks that never let the event loop run.
 *
 * Between the order to tear a stack down and its execution, V8 runs on to its next check. In a chain of short callbacks
 * that may be inside the next one, whose asynchronous context would then never be left, and node aborts the process.
 * So a chain of promises is torn at the beginning of a reaction, in a hook of V8's own where the check is forced
 * (`async_hooks` would count itself as running for ever after). Ticks and microtasks have no such place, and among
 * them are some of ours and of node's streams that must not be lost: there, the user's next call to ask for one fails.
 */
export class CallbackChain {
  readonly #options: CallbackChainOptions
  #callbacks = 0
  #seenCallbacks = 0
  #seenTurns = 0
  #turnSeenMs = 0
  #isBreaking = false
  #unwatch: (() => void) | undefined

  constructor(options: CallbackChainOptions) {
    this.#options = options
  }

  /** Watches callbacks, and turns of the event loop, from now on. */
  watch(): void {
    this.#isBreaking = false
    this.#unwatch ??= this.#install()
    this.look()
  }

  /** Whether callbacks have come since the last look, and the event loop has not turned. */
  look(): boolean {
    const turns = performance.nodeTiming.uvMetricsInfo.loopCount
    const isChain = this.#callbacks !== this.#seenCallbacks && turns === this.#seenTurns
    if (turns !== this.#seenTurns) this.#turnSeenMs = performance.now()
    this.#seenCallbacks = this.#callbacks
    this.#seenTurns = turns
    return isChain
  }

  /** Ends the chain at its next link, once it has lasted longer than a turn of the event loop does. */
  breakNext(): void {
    if (performance.now() - this.#turnSeenMs >= LASTING_MS) this.#isBreaking = true
  }

  rest(): void {
    this.#isBreaking = false
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  #install(): () => void {
    const stopHook = promiseHooks.onBefore(() => this.#onReaction()) as () => void
    const { nextTick } = process
    const { queueMicrotask } = globalThis
    process.nextTick = this.#refusing(nextTick, process)
    globalThis.queueMicrotask = this.#refusing(queueMicrotask, globalThis)
    return () => {
      stopHook()
      process.nextTick = nextTick
      globalThis.queueMicrotask = queueMicrotask
    }
  }

  /** `schedule`, except that it throws where user code asks for one more link of a chain that is being broken. */
  #refusing<Args extends unknown[]>(
    schedule: (...args: Args) => void,
    self: object,
  ): (...args: Args) => void {
    return (...args) => {
      this.#callbacks += 1
      if (this.#isBreaking && this.#options.isMeant() && this.#options.isCalledByUser()) {
        this.#isBreaking = false
        throw keyboardInterrupt()
      }
      Reflect.apply(schedule, self, args)
    }
  }

  #onReaction(): void {
    this.#callbacks += 1
    if (!this.#isBreaking || !this.#options.isMeant()) return
    this.#isBreaking = false
    this.#options.tear()
    // The check is in the loop: nothing else runs before it.
    for (;;);
  }
}
