/**
 * The half of an interrupt that runs on the main thread: called by the inspector in the middle of what runs there, it
 * looks at the stack below itself and decides. It is asked in rounds, some milliseconds apart.
 *
 * - User code on top, the same since the last round: a loop. It is torn down to the bottom
 *   (`Runtime.terminateExecution`; no `catch` of the user's can stop that).
 * - Callbacks that come one after the other without ever reaching the event loop: a chain of promises or ticks. Tearing
 *   must then happen at a known place, at the beginning of the next one (callback-chain.ts).
 * - Code that must not be torn down now, as who called it knows (`mayTear`): asked again in a moment.
 * - Our own code on top, above user code (it prints, say): asked again in a moment, since tearing our code down in
 *   the middle could leave it half done.
 * - Nothing of the user's on the stack: an awaiting request is ended, if there is one.
 *
 * Whatever is torn down, the shell answers for it afterwards, from a fresh stack.
 */

import type { Session as InspectorSession } from 'node:inspector'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { CallbackChain } from './callback-chain.ts'
import { isOwnFile } from './own-files.ts'

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
  /** Name of the request that runs or waits, if one does. */
  readonly currentId: string | undefined
  /**
   * Arranges that the current request is answered as interrupted, later and from a fresh stack.
   *
   * @param isOrdered - whether the stack is torn down as well.
   */
  expectTear(isOrdered: boolean): void
}

/** Whom an interrupt is meant for. */
export interface Meant {
  /** These requests, if one of them runs. */
  readonly msgIds: readonly string[]
  /** Or the one with this number, which was the last to begin when the interrupt came. */
  readonly begun?: number
}

const PROBE_NAME = '__itsparallelInterrupt'

/**
 * @param round - how often this interrupt has probed before.
 */
export function probeExpression(round: number, meant: Meant): string {
  return `${PROBE_NAME}(${round}, ${JSON.stringify(meant)})`
}

/** Frames that are looked at: far more than node's own and ours can be above the user's. */
const FRAMES_MAX = 200

const BUILTIN = 'node:builtin'
const CHAIN_FILE = '/engine/callback-chain.'

/**
 * Whether what runs may be torn down now.
 *
 * @param askedAtMs - when that was first wanted, on the clock of `performance`.
 */
export type MayTear = (askedAtMs: number) => boolean

/** Thrown nowhere: stands for the interrupt while node's bookkeeping is put in order. */
class Interrupt extends Error {}

/**
 * Makes the probe reachable for the inspector, under a name that user code will not meet.
 *
 * @returns to be called when the event loop runs again: the interrupt is over.
 */
export function installInterruptProbe(target: Interruptible, mayTear: MayTear = () => true): () => void {
  const tear = (): void => {
    target.expectTear(true)
    leaveAsyncContexts()
    inspector().post('Runtime.terminateExecution')
  }
  let begunBefore = 0
  let askedAtMs = 0
  const isMeant = (): boolean => target.begun === begunBefore
  const chain = new CallbackChain({ tear, isMeant, isCalledByUser })
  const probe = (round: number, { msgIds, begun }: Meant): Verdict => {
    if (round === 0) {
      if (target.begun !== begun && !msgIds.includes(target.currentId ?? '')) return 'over'
      begunBefore = target.begun
      askedAtMs = performance.now()
    }
    // What was meant is over, and another request runs.
    else if (!isMeant()) {
      chain.rest()
      return 'over'
    }
    if (!mayTear(askedAtMs)) return 'retry'
    const top = topOfStack()
    if (round === 0) chain.watch()
    else if (chain.look() && top !== 'ours') {
      chain.breakNext()
      return 'retry'
    }
    if (top === 'user') {
      if (round === 0) return 'retry'
      tear()
      return 'torn'
    }
    if (top === 'ours' && target.activity === 'running') return 'retry'
    if (target.activity === 'waiting') {
      target.expectTear(false)
      return 'ended'
    }
    return top === 'ours' ? 'retry' : 'idle'
  }
  Object.defineProperty(globalThis, PROBE_NAME, { value: probe })
  return () => chain.rest()
}

let session: InspectorSession | undefined

function inspector(): InspectorSession {
  if (session === undefined) {
    const { Session } = createRequire(import.meta.url)('node:inspector') as typeof import('node:inspector')
    session = new Session()
    session.connect()
  }
  return session
}

/** Whose code is the innermost on the stack, node's own aside. */
function topOfStack(): 'user' | 'ours' | 'nobody' {
  for (const file of filesOnStack()) {
    // What callback-chain.ts has put in node's place counts as node's.
    if (file.startsWith('node:') || file.includes(CHAIN_FILE)) continue
    return isOwnFile(file) ? 'ours' : 'user'
  }
  return 'nobody'
}

/** Whether the function of ours that is running was called by user code itself, not through node's. */
function isCalledByUser(): boolean {
  const caller = filesOnStack()[0]
  return caller !== undefined && !caller.startsWith('node:') && !isOwnFile(caller)
}

function filesOnStack(): string[] {
  const { stackTraceLimit, prepareStackTrace } = Error
  const holder: { stack?: string[] } = {}
  Error.stackTraceLimit = FRAMES_MAX
  Error.prepareStackTrace = (_error, sites) => sites.map(fileOf)
  try {
    Error.captureStackTrace(holder, filesOnStack)
    const files = holder.stack ?? []
    // Without our own innermost frames, and without the evaluation that called the probe.
    const own = files.findIndex(file => !isOwnFile(file))
    return files.slice(files[own] === '' ? own + 1 : own)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Error.prepareStackTrace = prepareStackTrace
  }
}

/** Functions that V8 brings along are in no file and on no line; code that was made of text is on lines, and the user's. */
function fileOf(site: NodeJS.CallSite): string {
  return site.getFileName() ?? (site.getLineNumber() === null ? BUILTIN : '')
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
