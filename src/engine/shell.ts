import { MessageChannel } from 'node:worker_threads'
import { AbortedIds } from '../base/aborted-ids.ts'
import type { Millis } from '../base/clock.ts'
import { Queue } from '../base/queue.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import type { Call, MaybePromise, Realm } from '../serialize/payload.ts'
import { isPickled } from '../serialize/pickle/python-call.ts'
import type { Frame } from '../transport/socket.ts'
import { type CapturedOutput, OutputScope } from './captured-output.ts'
import { Cells } from './cells.ts'
import type { Evaluator } from './evaluator.ts'
import type { Interruptible } from './interrupt-probe.ts'
import type { Answer } from './kernel/answers.ts'
import type { History } from './kernel/history.ts'
import { isKernelRequest } from './kernel/kernel-requests.ts'
import { keyboardInterrupt } from './keyboard-interrupt.ts'
import { packResult } from './pack-result.ts'
import { readCall } from './python-calls.ts'
import { RunTimes } from './run-times.ts'
import type { SharedState } from './shared-state.ts'
import { isCell, type Job, type RequestLink, ShellReplies } from './shell-replies.ts'
import {
  bringsParts,
  type ExecuteContent,
  fromBalancedScheduler,
  readExecute,
  readHead,
} from './shell-requests.ts'
import { isThenable } from './thenable.ts'

/** How long a burst of requests may run before timers and sockets get their turn. */
const BURST_MS = 5
/** How long finished replies may wait to be written together. */
const HELD_REPLY_MS = 0.5
/** How long a tear that was ordered may take to come. */
const TEAR_MS = 100

export interface ShellOptions {
  readonly uuid: string
  readonly evaluator: Evaluator
  readonly realm: Realm
  /** Takes in what a program brings because it was asked for it. @throws RemoteProtocolError for anything else. */
  readonly takeParts: (request: Envelope) => void
  readonly output: CapturedOutput
  readonly shared: SharedState
  readonly nowMs: () => Millis
  /** Takes in what must be heeded before a request starts, such as an abort. */
  readonly readInbox: () => void
  /** Told of each request that fails, before it is answered. */
  readonly onFailure: (error: unknown) => void
  /** Told before each request begins. */
  readonly onBegin: (() => void) | undefined
  /** Takes note of the cells that are to be remembered. */
  readonly history: History
  /** Answers requests that run nothing. Rejects for those that make no sense. */
  readonly answer: (type: string, content: Json) => Promise<Answer | undefined>
}

/**
 * Runs requests, one at a time, in the order in which they came.
 *
 * Requests never run on the stack of a socket: they run from a message port's callback, on a stack that holds nothing
 * but this class, so that an interrupt may tear it down at any moment (interrupt-probe.ts). A request that was torn
 * down is found in `#current` by the next callback and answered there.
 */
export class Shell implements Interruptible {
  readonly #options: ShellOptions
  readonly #queue = new Queue<Job>()
  readonly #betweenRequests: (() => void)[] = []
  readonly #aborted = new AbortedIds()
  /** Tasks that the scheduler has taken back, by their signatures. */
  readonly #givenBack = new AbortedIds()
  readonly #runTimes = new RunTimes()
  readonly #replies: ShellReplies
  readonly #cells: Cells
  readonly #hop = new MessageChannel()
  #hopPending = false
  #current: Job | undefined
  /** The call of the current job, when it was read but not begun, so that replies could be written first. */
  #held: { readonly job: Job; readonly call: Call } | undefined
  #activity: 'running' | 'waiting' | 'none' = 'none'
  #torn: Job | undefined
  /** V8 will tear down the stack at its next check. */
  #isTearOrdered = false
  #arrivals = 0
  #begun = 0
  #isClosed = false

  constructor(options: ShellOptions) {
    this.#options = options
    const { uuid, output, nowMs, evaluator, history } = options
    this.#replies = new ShellReplies({
      uuid,
      output,
      nowMs,
      cleanStack: stack => evaluator.cleanStack(stack),
    })
    this.#cells = new Cells({ evaluator, output, replies: this.#replies, history })
    this.#hop.port1.on('message', () => {
      this.#hopPending = false
      this.#pump()
    })
    this.#hop.port1.unref()
  }

  set engineId(id: number) {
    this.#replies.engineId = id
  }

  get activity(): 'running' | 'waiting' | 'none' {
    return this.#activity
  }

  get begun(): number {
    return this.#begun
  }

  /** The request that runs now, if one does. */
  get current(): object | undefined {
    return this.#current
  }

  get currentId(): string | undefined {
    return this.#current?.request.header.msg_id
  }

  /** Takes a request from a socket. It never runs before this returns. */
  accept(request: Envelope, link: RequestLink): void {
    this.#arrivals += 1
    const scope = new OutputScope(request.headerFrame)
    const job = { request, link, arrival: this.#arrivals, scope, started: '', startedMs: 0 }
    if (bringsParts(request)) {
      this.#takeParts(job)
      return
    }
    this.#queue.push(job)
    this.#schedule()
  }

  /** The current request waits for them: they cannot wait for their turn. Nothing of the user's runs here. */
  #takeParts(job: Job): void {
    try {
      this.#options.takeParts(job.request)
      this.#replies.ok(job, { status: 'ok' })
    } catch (error) {
      this.#replies.failed(job, error)
    }
  }

  abort(msgIds: readonly string[]): void {
    this.#aborted.add(msgIds)
  }

  /** The scheduler runs these tasks elsewhere: nobody waits for an answer to them from here. */
  giveBack(signatures: readonly string[]): void {
    this.#givenBack.add(signatures)
  }

  /** Runs `action` when no request does. */
  betweenRequests(action: () => void): void {
    this.#betweenRequests.push(action)
    this.#schedule()
  }

  /** Forgets what came over `link` and has not begun: its controller is gone, and nobody waits for it. */
  forgetQueued(link: RequestLink): void {
    const kept = [...this.#queue].filter(job => job.link !== link)
    this.#queue.clear()
    for (const job of kept) this.#queue.push(job)
    // Another controller may send the same bytes: a client that it takes over sends again what was under way.
    this.#givenBack.clear()
    if (this.#held?.job.link === link) this.#held = undefined
  }

  /** Called from within whatever runs: nothing is done here that could not be done in the middle of anything. */
  expectTear(isOrdered: boolean): void {
    this.#torn = this.#current
    this.#isTearOrdered = isOrdered
    this.#hopPending = false
    this.#schedule()
  }

  /** Nothing is begun any more: nobody would be left to end what never comes back. */
  close(): void {
    this.#isClosed = true
    this.#hop.port1.close()
  }

  #schedule(): void {
    if (this.#hopPending) return
    this.#hopPending = true
    this.#hop.port2.postMessage(null)
  }

  #pump(): void {
    this.#answerTorn()
    this.#replies.turnBegan()
    const untilMs = this.#options.nowMs() + BURST_MS
    while (this.#current === undefined) {
      this.#options.readInbox()
      if (this.#betweenRequests.length > 0) this.#betweenRequests.shift()?.()
      else if (!this.#next()) return
      if (this.#options.nowMs() > untilMs) {
        this.#schedule()
        return
      }
    }
  }

  /** The stack of a request was torn down: it is answered here, from a fresh one. */
  #answerTorn(): void {
    const torn = this.#torn
    this.#torn = undefined
    this.#isTearOrdered = false
    if (torn !== undefined && torn === this.#current) this.#fail(torn, keyboardInterrupt())
  }

  /** Begins the next request. False when there is none, or when it must wait until replies are written. */
  #next(): boolean {
    if (this.#isClosed) return false
    const held = this.#held
    this.#held = undefined
    const job = held?.job ?? this.#queue.shift()
    if (job === undefined) return false
    try {
      if (held === undefined) return this.#begin(job)
      this.#runCall(job, held.call)
    } catch (error) {
      job.link.warn('dropped a message on shell', { reason: String(error) })
      if (this.#current === job) this.#failSafely(job, error)
    }
    return true
  }

  /** For errors of our own: whatever happens, the shell goes on with the next request. */
  #failSafely(job: Job, error: unknown): void {
    try {
      this.#fail(job, error)
    } catch (cause) {
      job.link.warn('a request could not be answered', { reason: String(cause) })
      this.#end()
    }
  }

  #begin(job: Job): boolean {
    const header = readHead(job.request)
    const type = header.msg_type
    if (isKernelRequest(type)) {
      this.#answer(job, type)
      return true
    }
    if (type !== 'apply_request' && type !== 'execute_request') {
      job.link.warn('ignored an unknown request on shell', { type })
      return true
    }
    if (this.#isTakenBack(job.request)) return true
    if (this.#aborted.take(header.msg_id) || (type === 'execute_request' && this.#cells.isGivenUp(job))) {
      this.#replies.aborted(job)
      return true
    }
    if (type === 'execute_request') {
      const content = readExecute(job.request)
      if (this.#replies.heldMs !== undefined) return this.#putBack(job)
      this.#start(job)
      if (!this.#endIfAborted(job)) this.#execute(job, content)
      return true
    }
    return this.#beginApply(job)
  }

  /** After this a task of the balanced scheduler is begun for good: see begun-tasks.ts. */
  #isTakenBack(request: Envelope): boolean {
    if (!fromBalancedScheduler(request)) return false
    const { shared, readInbox } = this.#options
    shared.begunTasks.enter(request.signature)
    readInbox()
    return !this.#givenBack.isEmpty && this.#givenBack.take(request.signature.toString('latin1'))
  }

  #answer(job: Job, type: string): void {
    this.#start(job)
    const answered = this.#options.answer(type, job.request.content).catch((error: unknown) => {
      job.link.warn('dropped a message on shell', { reason: String(error) })
      return undefined
    })
    this.#wait(job, answered, answer => {
      if (answer === undefined) this.#replies.idle(job)
      else this.#replies.answer(job, (answer as Answer).type, (answer as Answer).content)
      this.#end()
    })
  }

  /** Lets finished replies be written before something that may take long. */
  #putBack(job: Job): false {
    this.#queue.unshift(job)
    this.#schedule()
    return false
  }

  #beginApply(job: Job): boolean {
    const buffers = job.request.buffers
    this.#start(job)
    let call: MaybePromise<Call>
    try {
      this.#activity = 'running'
      // Making the function runs a little of the user's text too.
      call = readCall(buffers, this.#options.realm)
      if (this.#isTearOrdered) this.#awaitTear()
    } catch (error) {
      if (this.#isTearOrdered) this.#awaitTear()
      this.#fail(job, error)
      return true
    }
    if (call instanceof Promise) {
      this.#wait(job, call, value => this.#runCall(job, value as Call))
      return true
    }
    if (this.#mustWriteFirst(call)) {
      this.#held = { job, call }
      this.#current = undefined
      this.#activity = 'none'
      this.#schedule()
      return false
    }
    this.#runCall(job, call)
    return true
  }

  #mustWriteFirst(call: Call): boolean {
    const { heldMs } = this.#replies
    return heldMs !== undefined && (heldMs > HELD_REPLY_MS || !this.#runTimes.isTiny(call.callee))
  }

  #start(job: Job): void {
    this.#begun += 1
    this.#options.onBegin?.()
    this.#options.shared.setBegun(this.#begun)
    this.#current = job
    job.started = dateNow()
    job.startedMs = this.#options.nowMs()
    this.#options.output.enter(job.scope)
    this.#replies.busy(job)
  }

  /** Interrupts see a request only once it is current: an abort may have come just before, or while it was held. */
  #endIfAborted(job: Job): boolean {
    this.#options.readInbox()
    if (!this.#aborted.take(job.request.header.msg_id)) return false
    this.#replies.aborted(job)
    this.#end()
    return true
  }

  #runCall(job: Job, call: Call): void {
    this.#current = job
    if (this.#endIfAborted(job)) return
    this.#activity = 'running'
    job.startedMs = this.#options.nowMs()
    this.#options.output.enter(job.scope)
    let value: unknown
    try {
      value = (call.callee as (...args: unknown[]) => unknown)(...call.args)
    } catch (error) {
      if (this.#isTearOrdered) this.#awaitTear()
      this.#fail(job, error)
      return
    }
    if (this.#isTearOrdered) this.#awaitTear()
    if (isThenable(value)) {
      this.#wait(job, value, settled => this.#succeed(job, settled))
      return
    }
    this.#runTimes.record(call.callee, this.#options.nowMs() - job.startedMs)
    this.#succeed(job, value)
  }

  /**
   * User code has ended between the order to tear it down and V8's next check: the check shall come here, and not in
   * the middle of an answer. Bounded, since the order is void where the stack was another one.
   */
  #awaitTear(): void {
    const untilMs = this.#options.nowMs() + TEAR_MS
    while (this.#options.nowMs() < untilMs);
    this.#isTearOrdered = false
  }

  /** Awaits what a request gave. Nothing else starts meanwhile, but timers and sockets live. */
  #wait(job: Job, value: PromiseLike<unknown>, then: (value: unknown) => void): void {
    this.#activity = 'waiting'
    const proceed = (action: () => void): void => {
      // It may have been interrupted meanwhile.
      if (this.#current !== job || this.#activity !== 'waiting') return
      try {
        action()
      } catch (error) {
        this.#failSafely(job, error)
      }
      this.#schedule()
    }
    // Whatever calls itself a promise: this one settles once, and throws nothing.
    Promise.resolve(value).then(
      result => proceed(() => then(result)),
      error => proceed(() => this.#fail(job, error)),
    )
  }

  #succeed(job: Job, value: unknown): void {
    let frames: Frame[]
    try {
      frames = packResult(value, isPickled(job.request.buffers))
    } catch (error) {
      this.#fail(job, error)
      return
    }
    this.#replies.ok(job, { status: 'ok' }, frames)
    this.#end()
  }

  #execute(job: Job, content: ExecuteContent): void {
    const cell = this.#cells.begin(job, content)
    const finish = (data: unknown): void => {
      cell.finish(data)
      this.#end()
    }
    const done = (value: unknown): void => {
      const data = cell.shownOf(value)
      if (data instanceof Promise) this.#wait(job, data, finish)
      else finish(data)
    }
    this.#activity = 'running'
    try {
      const value = cell.run()
      if (this.#isTearOrdered) this.#awaitTear()
      // A cell whose last value is a promise is awaited: that is what one wants to see, and the errors of.
      if (isThenable(value)) this.#wait(job, value, done)
      else done(value)
    } catch (error) {
      if (this.#isTearOrdered) this.#awaitTear()
      this.#fail(job, error)
    }
  }

  #fail(job: Job, error: unknown): void {
    // It may have failed because of what an interrupt did to it, such as ending its child processes.
    const thrown = job === this.#current && this.#options.shared.isInterrupted ? keyboardInterrupt() : error
    this.#options.onFailure(thrown)
    if (isCell(job)) this.#cells.fail(job, thrown, this.#arrivals)
    else this.#replies.failed(job, thrown)
    this.#end()
  }

  #end(): void {
    this.#current = undefined
    this.#activity = 'none'
  }
}
