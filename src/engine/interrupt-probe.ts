/**
 * The half of an interrupt that runs on the main thread: called by the inspector in the middle of what runs there, it
 * looks at the stack below itself and decides.
 *
 * - User code on top: it is torn down to the bottom (`Runtime.terminateExecution`; no `catch` of the user's can stop
 *   that), and the shell is told to answer for it.
 * - Our own code on top, above user code (it prints, say): asked again in a moment, since tearing our code down in
 *   the middle could leave it half done.
 * - Nothing of the user's on the stack: an awaiting request is ended, if there is one.
 */

import type { Session as InspectorSession } from 'node:inspector'
import { createRequire } from 'node:module'
import process from 'node:process'
import { isOwnFile } from './user-stack.ts'

/**
 * `torn`: user code was torn down. `ended`: an awaiting request was ended. `idle`: there was nothing to end.
 * `over`: what an earlier round met is over. `retry`: it cannot be ended at this moment.
 */
export type Verdict = 'torn' | 'ended' | 'idle' | 'over' | 'retry'

/** What the main thread does at the moment, as its shell knows it. */
export interface Interruptible {
  /** `running`: a request is on the stack; `waiting`: one awaits something; `none`: no request. */
  readonly activity: 'running' | 'waiting' | 'none'
  /** How many requests have been begun so far. */
  readonly begun: number
  /** Ends the request that awaits something. */
  endWaiting(): void
  /** The stack is about to be torn down: arranges that the request on it is answered afterwards. */
  expectTear(): void
}

const PROBE_NAME = '__itsparallelInterrupt'

/** @param round - how often this interrupt has probed before. */
export function probeExpression(round: number): string {
  return `${PROBE_NAME}(${round})`
}

/**
 * A chain of microtasks never comes back to the event loop, and is often met between two of them, where the stack is
 * empty. After so many rounds without any other sign of life, whatever comes next is torn down.
 */
const EMPTY_ROUNDS_MAX = 5

/** Frames that are looked at: far more than node's own and ours can be above the user's. */
const FRAMES_MAX = 200

/** Thrown nowhere: stands for the interrupt while node's bookkeeping is put in order. */
class Interrupt extends Error {}

/** Makes the probe reachable for the inspector, under a name that user code will not meet. */
export function installInterruptProbe(target: Interruptible): void {
  let inspector: InspectorSession | undefined
  let begunBefore = 0
  const tear = (): Verdict => {
    inspector ??= connect()
    target.expectTear()
    leaveAsyncContexts()
    inspector.post('Runtime.terminateExecution')
    return 'torn'
  }
  const probe = (round: number): Verdict => {
    if (round === 0) begunBefore = target.begun
    // What was meant is over, and another request runs.
    else if (target.begun !== begunBefore) return 'over'
    const top = topOfStack()
    if (top === 'user' || (top === 'nobody' && round >= EMPTY_ROUNDS_MAX)) return tear()
    if (top === 'ours' && target.activity === 'running') return 'retry'
    if (target.activity === 'waiting') {
      target.endWaiting()
      return 'ended'
    }
    return top === 'ours' ? 'retry' : 'idle'
  }
  Object.defineProperty(globalThis, PROBE_NAME, { value: probe })
}

function connect(): InspectorSession {
  const { Session } = createRequire(import.meta.url)('node:inspector') as typeof import('node:inspector')
  const session = new Session()
  session.connect()
  return session
}

/** Whose code is the innermost on the stack, node's own aside. */
function topOfStack(): 'user' | 'ours' | 'nobody' {
  for (const file of filesOnStack()) {
    if (file.startsWith('node:')) continue
    return isOwnFile(file) ? 'ours' : 'user'
  }
  return 'nobody'
}

function filesOnStack(): string[] {
  const { stackTraceLimit, prepareStackTrace } = Error
  const holder: { stack?: string[] } = {}
  Error.stackTraceLimit = FRAMES_MAX
  Error.prepareStackTrace = (_error, sites) => sites.map(site => site.getFileName() ?? '')
  try {
    Error.captureStackTrace(holder, filesOnStack)
    // Without the probe itself, the name of its caller, and the evaluation that called it.
    const files = holder.stack ?? []
    return files.slice(files.findIndex(file => !isOwnFile(file)) + 1)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Error.prepareStackTrace = prepareStackTrace
  }
}

/**
 * Leaves every asynchronous context that the stack is in. Node counts them and aborts the process when it comes back to
 * its event loop in the middle of one, and a torn stack leaves none by itself. The handler of uncaught errors is what
 * does this in node, so it is told of one; the listener in uncaught.ts knows it and stays silent.
 */
function leaveAsyncContexts(): void {
  const handler = (
    process as unknown as { _fatalException?: (error: unknown, fromPromise: boolean) => boolean }
  )._fatalException
  handler?.call(process, new Interrupt(), false)
}

export function isInterrupt(error: unknown): boolean {
  return error instanceof Interrupt
}
