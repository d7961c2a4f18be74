import { inspect } from 'node:util'
import { MessageChannel } from 'node:worker_threads'
import type { Millis } from '../base/clock.ts'
import { Queue } from '../base/queue.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import { type Call, type MaybePromise, packValue, type Realm, unpackCall } from '../serialize/payload.ts'
import type { Frame, Message } from '../transport/socket.ts'
import { AbortedIds } from './aborted-ids.ts'
import { type CapturedOutput, OutputScope } from './captured-output.ts'
import type { Evaluator } from './evaluator.ts'
import type { Interruptible } from './interrupt-probe.ts'
import { kernelInfo } from './kernel-info.ts'
import { KeyboardInterrupt } from './keyboard-interrupt.ts'
import { isThenable } from './operations.ts'
import { errorReply, isOwnRequest, type Origin, type ReplyFacts, replyMetadata } from './reply.ts'
import { RunTimes } from './run-times.ts'
import type { ShellLink } from './shell-link.ts'

/** How long a burst of requests may run before timers and sockets get their turn. */
const BURST_MS = 5
/** How long finished replies may wait to be written together. */
const HELD_REPLY_MS = 0.5
/** First byte of a Python pickle. */
const PICKLE = 0x80

export interface ShellOptions {
  readonly uuid: string
  readonly evaluator: Evaluator
  readonly realm: Realm
  readonly output: CapturedOutput
  readonly nowMs: () => Millis
  /** Takes in what must be heeded before a request starts, such as an abort. */
  readonly readInbox: () => void
}

interface Job {
  readonly request: Envelope
  readonly link: ShellLink
  readonly arrival: number
  readonly scope: OutputScope
  started: string
  startedMs: Millis
}

interface ExecuteContent {
  readonly code: string
  readonly silent: boolean
  readonly stopOnError: boolean
  readonly userExpressions: Readonly<Record<string, string>>
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
  readonly #runTimes = new RunTimes()
  readonly #hop = new MessageChannel()
  #hopPending = false
  #engineId = -1
  #current: Job | undefined
  /** The call of the current job, when it was read but not begun, so that replies could be written first. */
  #held: { readonly job: Job; readonly call: Call } | undefined
  #activity: 'running' | 'waiting' | 'none' = 'none'
  #torn: Job | undefined
  #arrivals = 0
  #begun = 0
  /** Queued cells up to this arrival are aborted, because one before them failed. */
  #abortCellsUpTo = 0
  #cells = 0
  #unwritten = 0
  #unwrittenSinceMs: Millis = 0

  constructor(options: ShellOptions) {
    this.#options = options
    this.#hop.port1.on('message', () => {
      this.#hopPending = false
      this.#pump()
    })
    this.#hop.port1.unref()
  }

  set engineId(id: number) {
    this.#engineId = id
  }

  get activity(): 'running' | 'waiting' | 'none' {
    return this.#activity
  }

  get begun(): number {
    return this.#begun
  }

  /** Takes a request from a socket. It never runs before this returns. */
  accept(request: Envelope, link: ShellLink): void {
    this.#arrivals += 1
    const scope = new OutputScope(request.headerFrame)
    this.#queue.push({ request, link, arrival: this.#arrivals, scope, started: '', startedMs: 0 })
    this.#schedule()
  }

  abort(msgIds: readonly string[]): void {
    this.#aborted.add(msgIds)
  }

  /** Runs `action` when no request does. */
  betweenRequests(action: () => void): void {
    this.#betweenRequests.push(action)
    this.#schedule()
  }

  /** Forgets what has not begun: its controller is gone, and nobody waits for it. */
  forgetQueued(): void {
    this.#queue.clear()
    this.#held = undefined
  }

  endWaiting(): void {
    if (this.#activity === 'waiting' && this.#current !== undefined)
      this.#fail(this.#current, new KeyboardInterrupt())
  }

  expectTear(): void {
    this.#torn = this.#current
    this.#hopPending = false
    this.#schedule()
  }

  close(): void {
    this.#hop.port1.close()
  }

  #schedule(): void {
    if (this.#hopPending) return
    this.#hopPending = true
    this.#hop.port2.postMessage(null)
  }

  #pump(): void {
    this.#answerTorn()
    this.#unwritten = 0
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
    if (torn !== undefined && torn === this.#current) this.#fail(torn, new KeyboardInterrupt())
  }

  /** Begins the next request. False when there is none, or when it must wait until replies are written. */
  #next(): boolean {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      this.#runCall(held.job, held.call)
      return true
    }
    const job = this.#queue.shift()
    if (job === undefined) return false
    try {
      return this.#begin(job)
    } catch (error) {
      job.link.warn('dropped a message on shell', { reason: (error as Error).message })
      if (this.#current === job) this.#fail(job, error)
      return true
    }
  }

  #begin(job: Job): boolean {
    const { header, metadata } = job.request
    const type = header.msg_type
    if (type === 'kernel_info_request') {
      this.#send(job, 'kernel_info_reply', {}, kernelInfo())
      return true
    }
    if (type !== 'apply_request' && type !== 'execute_request') {
      job.link.warn('ignored an unknown request on shell', { type })
      return true
    }
    if (
      this.#aborted.take(header.msg_id) ||
      (type === 'execute_request' && job.arrival <= this.#abortCellsUpTo)
    ) {
      this.#finish(job, 'aborted', { status: 'aborted' })
      return true
    }
    if (type === 'execute_request') {
      const content = readExecute(job.request)
      if (this.#unwritten > 0) return this.#putBack(job)
      this.#start(job, metadata)
      this.#execute(job, content)
      return true
    }
    return this.#beginApply(job)
  }

  /** Lets finished replies be written before something that may take long. */
  #putBack(job: Job): false {
    this.#queue.unshift(job)
    this.#schedule()
    return false
  }

  #beginApply(job: Job): boolean {
    const buffers = job.request.buffers
    if (!isOurs(buffers)) {
      this.#start(job, job.request.metadata)
      this.#fail(job, notOurs(buffers))
      return true
    }
    let call: MaybePromise<Call>
    this.#start(job, job.request.metadata)
    try {
      this.#activity = 'running'
      call = unpackCall(buffers, this.#options.realm)
    } catch (error) {
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
    if (this.#unwritten === 0) return false
    return (
      !this.#runTimes.isTiny(call.callee) || this.#options.nowMs() - this.#unwrittenSinceMs > HELD_REPLY_MS
    )
  }

  #start(job: Job, metadata: object): void {
    this.#begun += 1
    this.#current = job
    job.started = dateNow()
    job.startedMs = this.#options.nowMs()
    this.#options.output.enter(job.scope)
    if (this.#publishesStatus(job, metadata)) this.#publishStatus(job, 'busy')
  }

  #runCall(job: Job, call: Call): void {
    this.#current = job
    this.#activity = 'running'
    job.startedMs = this.#options.nowMs()
    this.#options.output.enter(job.scope)
    let value: unknown
    try {
      value = (call.callee as (...args: unknown[]) => unknown)(...call.args)
    } catch (error) {
      this.#fail(job, error)
      return
    }
    if (isThenable(value)) {
      this.#wait(job, value, settled => {
        this.#succeed(job, settled)
      })
      return
    }
    this.#runTimes.record(call.callee, this.#options.nowMs() - job.startedMs)
    this.#succeed(job, value)
  }

  /** Awaits what a request gave. Nothing else starts meanwhile, but timers and sockets live. */
  #wait(job: Job, value: PromiseLike<unknown>, then: (value: unknown) => void): void {
    this.#activity = 'waiting'
    const proceed = (action: () => void): void => {
      // It may have been interrupted meanwhile.
      if (this.#current !== job || this.#activity !== 'waiting') return
      action()
      this.#schedule()
    }
    value.then(
      result => proceed(() => then(result)),
      error => proceed(() => this.#fail(job, error)),
    )
  }

  #succeed(job: Job, value: unknown): void {
    let frames: Frame[]
    try {
      frames = packValue(value, 'result')
    } catch (error) {
      this.#fail(job, error)
      return
    }
    this.#finish(job, 'ok', { status: 'ok' }, frames)
  }

  #execute(job: Job, content: ExecuteContent): void {
    const { evaluator, output } = this.#options
    this.#cells += 1
    const count = this.#cells
    if (!content.silent)
      output.publish(
        'execute_input',
        'execute_input',
        { code: content.code, execution_count: count },
        job.scope,
      )
    const done = (value: unknown): void => {
      if (!content.silent && value !== undefined) {
        const data = { 'text/plain': show(value) }
        output.publish(
          'execute_result',
          'execute_result',
          { data, metadata: {}, execution_count: count },
          job.scope,
        )
      }
      this.#finish(job, 'ok', {
        status: 'ok',
        execution_count: count,
        user_expressions: this.#userExpressions(content.userExpressions),
        payload: [],
      })
    }
    this.#activity = 'running'
    try {
      const value = evaluator.execute(content.code, `<execute ${count}>`)
      // A cell whose last value is a promise is awaited: that is what one wants to see, and the errors of.
      if (isThenable(value)) this.#wait(job, value, done)
      else done(value)
    } catch (error) {
      this.#fail(job, error)
    }
  }

  #userExpressions(expressions: Readonly<Record<string, string>>): object {
    const results: Record<string, object> = {}
    for (const [name, source] of Object.entries(expressions)) {
      try {
        const data = { 'text/plain': show(this.#options.evaluator.evaluate(`(${source}\n)`)) }
        results[name] = { status: 'ok', data, metadata: {} }
      } catch (error) {
        this.#clean(error)
        results[name] = errorReply(error, this.#origin, 'execute').content
      }
    }
    return results
  }

  #fail(job: Job, thrown: unknown): void {
    this.#clean(thrown)
    const isCell = job.request.header.msg_type === 'execute_request'
    const reply = errorReply(thrown, this.#origin, isCell ? 'execute' : 'apply')
    const { ename, evalue, traceback } = reply
    if (isCell || !isOwnRequest(job.request.metadata))
      this.#options.output.publish('error', 'error', { ename, evalue, traceback }, job.scope)
    if (!isCell) {
      this.#finish(job, 'error', reply.content, reply.frames, ename !== 'UnmetDependency')
      return
    }
    const { silent, stopOnError } = readExecute(job.request)
    if (!silent && stopOnError) this.#abortCellsUpTo = this.#arrivals
    const content = { ...reply.content, execution_count: this.#cells, user_expressions: {}, payload: [] }
    this.#finish(job, 'error', content, reply.frames, ename !== 'UnmetDependency')
  }

  /** Leaves only the user's frames in an error's stack. */
  #clean(thrown: unknown): void {
    if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return
    try {
      thrown.stack = this.#options.evaluator.cleanStack(thrown.stack)
    } catch {
      // A frozen error keeps its whole stack.
    }
  }

  #finish(
    job: Job,
    status: ReplyFacts['status'],
    content: object,
    frames: Message = [],
    dependenciesMet = true,
  ): void {
    const { metadata, header } = job.request
    const isIdlePublished = status !== 'aborted' && this.#publishesStatus(job, metadata)
    const facts: ReplyFacts = {
      status,
      started: job.started === '' ? dateNow() : job.started,
      dependenciesMet,
      ranMs: job.startedMs === 0 ? 0 : this.#options.nowMs() - job.startedMs,
      outputs: job.scope.messages + (isIdlePublished ? 1 : 0),
    }
    const type = header.msg_type === 'execute_request' ? 'execute_reply' : 'apply_reply'
    this.#send(job, type, replyMetadata(metadata, this.#origin, facts), content, frames)
    if (isIdlePublished) this.#publishStatus(job, 'idle')
    if (job.scope.messages > 0) this.#options.output.finish(job.scope)
    this.#current = undefined
    this.#activity = 'none'
  }

  #send(job: Job, type: MessageType, metadata: object, content: object, buffers: Message = []): void {
    const { request, link } = job
    const packed = link.session.pack({ type, metadata, content, parentHeader: request.headerFrame, buffers })
    link.send([...request.prefix, ...packed])
    if (this.#unwritten === 0) this.#unwrittenSinceMs = this.#options.nowMs()
    this.#unwritten += 1
  }

  /** Busy and idle cost two messages a request: our own client does not need them for its calls. */
  #publishesStatus(job: Job, metadata: object): boolean {
    return (
      job.request.header.msg_type === 'execute_request' ||
      !isOwnRequest(metadata as Readonly<Record<string, unknown>>)
    )
  }

  #publishStatus(job: Job, state: 'busy' | 'idle'): void {
    this.#options.output.publish('status', 'status', { execution_state: state }, job.scope)
  }

  get #origin(): Origin {
    return { uuid: this.#options.uuid, id: this.#engineId }
  }
}

function readExecute(request: Envelope): ExecuteContent {
  const { code, silent, stop_on_error, user_expressions } = request.content
  if (typeof code !== 'string') throw new RemoteProtocolError('execute_request lacks code')
  const isObject = typeof user_expressions === 'object' && user_expressions !== null
  return {
    code,
    silent: silent === true,
    stopOnError: stop_on_error !== false,
    userExpressions: isObject ? (user_expressions as Record<string, string>) : {},
  }
}

function isOurs(buffers: Message): boolean {
  const first = buffers[0]
  return first !== undefined && first.length > 0 && first[0] !== PICKLE
}

function notOurs(buffers: Message): Error {
  const what = buffers[0]?.[0] === PICKLE ? 'a Python call' : 'a call that it cannot read'
  const error = new Error(
    `this is a JavaScript engine, and was sent ${what}: send it execute requests with JavaScript source, or use an engine of the right language`,
  )
  error.name = 'WrongLanguageError'
  return error
}

function show(value: unknown): string {
  return typeof value === 'string' ? inspect(value) : inspect(value, { depth: 4, maxArrayLength: 100 })
}
