import type { Session as InspectorSession } from 'node:inspector'
import type { Clock } from '../base/clock.ts'
import { signalDescendants } from './descendants.ts'
import { type Meant, probeExpression, type Verdict } from './interrupt-probe.ts'
import type { SharedState } from './shared-state.ts'

/** How soon a stack that could not be torn down safely is looked at again. */
const RETRY_MS = 5
/** How long the main thread's event loop may take to show that it is not blocked. */
const PONG_MS = 50
/** How long an interrupt is tried before it is given up. */
const PATIENCE_MS = 10_000
/**
 * A main thread that does not answer for so long waits in native code, most likely for a child process. The child is
 * interrupted then, as ^C at a terminal interrupts a program's children too, and terminated if that does not help.
 */
const CHILDREN_INTERRUPT_MS = 150
const CHILDREN_TERMINATE_MS = 500

const NOBODY: Meant = { msgIds: [] }

/**
 * Ends what the main thread runs, from outside.
 *
 * The inspector runs the probe (interrupt-probe.ts) on the main thread, in the middle of whatever runs there. The probe
 * sees the whole stack below it and decides, so there is no moment between looking and acting. Here it is only asked
 * for, again and again, until there is nothing left to end.
 */
export class Interrupter {
  readonly #clock: Clock
  readonly #shared: SharedState
  readonly #ping: () => void
  #session: InspectorSession | undefined
  #busy = false
  #wanted = false
  #meant: Meant = NOBODY
  #onPong: (() => void) | undefined

  /** @param ping - asks the main thread's event loop for a `pong`. */
  constructor(clock: Clock, shared: SharedState, ping: () => void) {
    this.#clock = clock
    this.#shared = shared
    this.#ping = ping
  }

  /** The main thread's event loop runs. */
  pong(): void {
    this.#onPong?.()
  }

  /**
   * Ends what runs or waits now. Where nothing does, nothing happens; and nothing happens to a request that begins
   * between this call and the moment at which the main thread can be looked at.
   *
   * @param msgIds - only when it is one of these requests: another client's must not suffer for them.
   */
  async interrupt(msgIds?: readonly string[]): Promise<void> {
    this.#wanted = true
    const meant = this.#meant
    if (msgIds !== undefined) this.#meant = { ...meant, msgIds: [...meant.msgIds, ...msgIds] }
    else {
      this.#meant = { ...meant, begun: this.#shared.begun }
      this.#shared.markInterrupted()
    }
    if (this.#busy) return
    this.#busy = true
    try {
      // One that comes while another is at work may be meant for the next request.
      while (this.#wanted) {
        this.#wanted = false
        const meant = this.#meant
        this.#meant = NOBODY
        await this.#end(meant)
      }
    } finally {
      this.#busy = false
    }
  }

  async #end(meant: Meant): Promise<void> {
    const untilMs = this.#clock.nowMs() + PATIENCE_MS
    for (let round = 0; this.#clock.nowMs() < untilMs; round++) {
      const verdict = await this.#probe(round, meant)
      if (verdict === 'over') return
      if (round === 0 && meant.msgIds.length > 0) this.#shared.markInterrupted()
      if (verdict === 'retry') await this.#pause(RETRY_MS)
      // A request that was ended may have left a loop behind that still blocks the thread.
      else if (await this.#isResponsive()) return
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => this.#clock.after(delayMs, resolve))
  }

  async #isResponsive(): Promise<boolean> {
    const answered = await new Promise<boolean>(resolve => {
      const cancel = this.#clock.after(PONG_MS, () => resolve(false))
      this.#onPong = () => {
        cancel()
        resolve(true)
      }
      this.#ping()
    })
    this.#onPong = undefined
    return answered
  }

  async #probe(round: number, meant: Meant): Promise<Verdict> {
    this.#session ??= await connectToMain()
    const cancelInterrupt = this.#clock.after(CHILDREN_INTERRUPT_MS, () => signalDescendants('SIGINT'))
    const cancelTerminate = this.#clock.after(CHILDREN_TERMINATE_MS, () => signalDescendants('SIGTERM'))
    const answer = await evaluate(this.#session, probeExpression(round, meant))
    cancelInterrupt()
    cancelTerminate()
    return answer
  }
}

async function connectToMain(): Promise<InspectorSession> {
  // Loaded late: most engines are never interrupted.
  const { Session } = await import('node:inspector')
  const session = new Session()
  session.connectToMainThread()
  return session
}

function evaluate(session: InspectorSession, expression: string): Promise<Verdict> {
  return new Promise(resolve => {
    session.post('Runtime.evaluate', { expression, returnByValue: true, silent: true }, (error, answer) => {
      // The evaluation itself is torn down with the stack below it.
      resolve(error === null ? ((answer.result.value as Verdict | undefined) ?? 'torn') : 'torn')
    })
  })
}
