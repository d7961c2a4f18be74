import { readdirSync, readFileSync } from 'node:fs'
import type { Session as InspectorSession } from 'node:inspector'
import process from 'node:process'
import type { Clock } from '../base/clock.ts'
import { PROBE_EXPRESSION, type Verdict } from './interrupt-probe.ts'

/** How soon a stack that could not be torn down safely is looked at again. */
const RETRY_MS = 5
/** How long an interrupt is tried before it is given up. */
const PATIENCE_MS = 10_000
/** A main thread that does not answer for so long waits in native code, most likely for a child process. */
const NATIVE_WAIT_MS = 250

/**
 * Ends what the main thread runs, from outside.
 *
 * The inspector runs the probe (interrupt-probe.ts) on the main thread, in the middle of whatever runs there. The probe
 * sees the whole stack below it and decides, so there is no moment between looking and acting. Here it is only asked
 * for, again and again, until there is nothing left to end.
 */
export class Interrupter {
  readonly #clock: Clock
  #session: InspectorSession | undefined
  #busy = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ends what runs or waits now. Where nothing does, nothing happens. */
  async interrupt(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      const untilMs = this.#clock.nowMs() + PATIENCE_MS
      while (this.#clock.nowMs() < untilMs) {
        const verdict = await this.#probe()
        if (verdict !== 'retry') return
        await this.#pause(RETRY_MS)
      }
    } finally {
      this.#busy = false
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => this.#clock.after(delayMs, resolve))
  }

  async #probe(): Promise<Verdict> {
    this.#session ??= await connectToMain()
    const cancel = this.#clock.after(NATIVE_WAIT_MS, interruptChildren)
    const answer = await evaluate(this.#session, PROBE_EXPRESSION)
    cancel()
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

/**
 * As ^C at a terminal does, which reaches a program's children as well: a main thread in execSync only comes back when
 * its child ends. Where there is no /proc, it waits until the child ends by itself.
 */
function interruptChildren(): void {
  for (const pid of childrenOf(process.pid)) {
    try {
      process.kill(pid, 'SIGINT')
    } catch {
      // It has just ended.
    }
  }
}

function childrenOf(parentPid: number): number[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .filter(name => parentOf(name) === parentPid)
      .map(Number)
  } catch {
    return []
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program comes second, in brackets, and may hold anything; the parent is two fields behind it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}
