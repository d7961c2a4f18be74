import type { Millis } from '../base/clock.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { dateNow, type Session } from '../protocol/session.ts'
import { isPickled } from '../serialize/pickle/python-call.ts'
import type { Frame, Message } from '../transport/socket.ts'
import type { CapturedOutput, OutputScope } from './captured-output.ts'
import { ElementFailure } from './map-columns.ts'
import { errorReply, isOwnRequest, type Origin, type ReplyFacts, replyMetadata } from './reply.ts'

/** Where requests come from, and their replies go: the schedulers, or a Jupyter client. */
export interface RequestLink {
  readonly session: Session
  /** @param body - from the delimiter on. */
  reply(request: Envelope, body: Frame[]): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Takes a request from a link. */
export type RequestAcceptor = (request: Envelope, link: RequestLink) => void

/** A request on its way through the shell. */
export interface Job {
  readonly request: Envelope
  readonly link: RequestLink
  /** Counts requests in the order in which they came. */
  readonly arrival: number
  readonly scope: OutputScope
  /** When it began, as it is told to others; empty before. */
  started: string
  startedMs: Millis
}

export function isCell(job: Job): boolean {
  return job.request.header.msg_type === 'execute_request'
}

export interface ShellRepliesOptions {
  readonly uuid: string
  readonly output: CapturedOutput
  readonly nowMs: () => Millis
  readonly cleanStack: (stack: string) => string
}

/** Answers requests, and publishes what goes with an answer: busy, idle, and errors. */
export class ShellReplies {
  engineId = -1
  readonly #options: ShellRepliesOptions
  #unwritten = 0
  #unwrittenSinceMs: Millis = 0

  constructor(options: ShellRepliesOptions) {
    this.#options = options
  }

  /** How long the oldest reply has waited for this turn of the event loop to end; undefined when none does. */
  get heldMs(): Millis | undefined {
    return this.#unwritten === 0 ? undefined : this.#options.nowMs() - this.#unwrittenSinceMs
  }

  /** A new turn of the event loop: everything sent before it has been written. */
  turnBegan(): void {
    this.#unwritten = 0
  }

  busy(job: Job): void {
    if (publishesStatus(job)) this.#publishStatus(job, 'busy')
  }

  ok(job: Job, content: object, buffers: Message = []): void {
    this.#finish(job, 'ok', content, buffers)
  }

  aborted(job: Job): void {
    this.#finish(job, 'aborted', { status: 'aborted' })
  }

  /** @param more - what else the content of the reply holds. */
  failed(job: Job, thrown: unknown, more: object = {}): void {
    const { ename, evalue, traceback, content, frames } = this.describe(job, thrown)
    if (isCell(job) || !isOwnRequest(job.request.metadata))
      this.#options.output.publish('error', 'error', { ename, evalue, traceback }, job.scope)
    // A Python client reads the content alone.
    const buffers = isPickled(job.request.buffers) ? [] : frames
    this.#finish(job, 'error', { ...content, ...more }, buffers, ename !== 'UnmetDependency')
  }

  /** An error as a reply has it, with only the user's frames in its stack. */
  describe(job: Job, thrown: unknown): ReturnType<typeof errorReply> {
    if (thrown instanceof ElementFailure) for (const [, error] of thrown.failures) this.#cleanStack(error)
    else this.#cleanStack(thrown)
    return errorReply(thrown, this.#origin, isCell(job) ? 'execute' : 'apply')
  }

  /** The answer to a request that ran nothing. */
  answer(job: Job, type: MessageType, content: object): void {
    this.#send(job, type, {}, content)
    this.idle(job)
  }

  /** The end of a request whose answer was sent, or that cannot be answered. */
  idle(job: Job): void {
    this.#publishStatus(job, 'idle')
  }

  #send(job: Job, type: MessageType, metadata: object, content: object, buffers: Message = []): void {
    const { request, link } = job
    const packed = link.session.pack({ type, metadata, content, parentHeader: request.headerFrame, buffers })
    link.reply(request, packed)
    if (this.#unwritten === 0) this.#unwrittenSinceMs = this.#options.nowMs()
    this.#unwritten += 1
  }

  #finish(
    job: Job,
    status: ReplyFacts['status'],
    content: object,
    buffers: Message = [],
    dependenciesMet = true,
  ): void {
    const { output, nowMs } = this.#options
    const { metadata } = job.request
    const isIdlePublished = (status !== 'aborted' || job.started !== '') && publishesStatus(job)
    const facts: ReplyFacts = {
      status,
      started: job.started === '' ? dateNow() : job.started,
      dependenciesMet,
      ranMs: job.started === '' ? 0 : nowMs() - job.startedMs,
      outputs: job.scope.messages + (isIdlePublished ? 1 : 0),
    }
    const type = isCell(job) ? 'execute_reply' : 'apply_reply'
    this.#send(job, type, replyMetadata(metadata, this.#origin, facts), content, buffers)
    if (isIdlePublished) this.idle(job)
    if (job.scope.messages > 0) output.finish(job.scope)
  }

  #cleanStack(thrown: unknown): void {
    try {
      if (thrown instanceof Error && typeof thrown.stack === 'string')
        thrown.stack = this.#options.cleanStack(thrown.stack)
    } catch {
      // A frozen error keeps its whole stack.
    }
  }

  #publishStatus(job: Job, state: 'busy' | 'idle'): void {
    this.#options.output.publish('status', 'status', { execution_state: state }, job.scope)
  }

  get #origin(): Origin {
    return { uuid: this.#options.uuid, id: this.engineId }
  }
}

/** Busy and idle cost two messages a request: our own client does not need them for its calls. */
function publishesStatus(job: Job): boolean {
  return isCell(job) || !isOwnRequest(job.request.metadata)
}
