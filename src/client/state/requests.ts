/**
 * The outstanding requests of one client: which are waiting for their reply, and how each of them ends, exactly once.
 *
 * It knows no socket, no promise and no message body: replies and outputs pass through it unread. What a reply means
 * (a value, an error, an aborted task) is decided by whoever takes the outcome.
 *
 * ```
 *              submitted
 *                  │
 *                  ▼            replied, outputs missing
 *   output ──► waiting ─────────────────────────► replied
 *                  │                                 │
 *                  │ replied, nothing missing        │ last output · idle · tick after the deadline
 *                  │ engine_died · given_up · lost · disconnected (a reply in hand is used)
 *                  ▼                                 ▼
 *                ended ◄─────────────────────────────┘
 * ```
 *
 * Invariants:
 * 1. A request is in the table from `submitted` until its one `settle` effect, and never afterwards.
 * 2. A reply belongs to the request whose id it names as its parent, and to no other. A reply to nothing is counted,
 *    and changes nothing: the request ended before (its engine was declared dead, it was given up), or never was.
 * 3. Outputs of a request are delivered before it settles, as long as they arrive within the patience. Status messages
 *    count among the outputs that an engine announces.
 * 4. A death ends what was sent to that very engine. Load-balanced requests are the scheduler's: it runs them elsewhere.
 * 5. A reply that is in hand is never replaced by a death or a lost connection: only its outputs are cut short.
 */

import { assertNever, invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import type { EngineUuid, MessageId } from '../../base/ids.ts'
import type { DeathCause } from '../../protocol/catalogue.ts'

/** Which way a request went. */
export type Route = 'direct' | 'balanced' | 'broadcast' | 'control' | 'hub'

/** What the machine must know of a request; the shell's own record of it says more. */
export interface OutstandingRequest {
  readonly msgId: MessageId
  readonly route: Route
  /** The engine that it was sent to; none when a scheduler or the hub decides. */
  readonly engine: EngineUuid | undefined
  /** Ends with the engine's `idle` when the reply does not say how many outputs there are: `execute_request` only. */
  readonly endsWithIdle: boolean
}

/** How a request ended. */
export type Outcome<Reply> =
  | { readonly type: 'reply'; readonly reply: Reply }
  | { readonly type: 'engine_died'; readonly engine: EngineUuid; readonly cause: DeathCause | undefined }
  | { readonly type: 'given_up'; readonly reason: unknown }
  | { readonly type: 'disconnected'; readonly reason: Error }

export type RequestsEvent<Request extends OutstandingRequest, Reply, Output> =
  | { readonly type: 'submitted'; readonly request: Request }
  /** `outputs`: how many output messages the engine says it sent for it; undefined where it does not say. */
  | {
      readonly type: 'replied'
      readonly msgId: string
      readonly reply: Reply
      readonly outputs: number | undefined
    }
  | { readonly type: 'output'; readonly msgId: string; readonly output: Output }
  /** The engine says that it began (`idle: false`) or ended a request. Counts as an output, but shows nothing. */
  | { readonly type: 'status'; readonly msgId: string; readonly idle: boolean }
  | { readonly type: 'engine_died'; readonly engine: EngineUuid; readonly cause: DeathCause | undefined }
  /** The caller wants no answer any more. */
  | { readonly type: 'given_up'; readonly msgIds: readonly string[]; readonly reason: unknown }
  /** A connection broke, and nobody knows what became of them. */
  | { readonly type: 'lost'; readonly msgIds: readonly string[]; readonly reason: Error }
  /** The controller is gone for good. */
  | { readonly type: 'disconnected'; readonly reason: Error }
  | { readonly type: 'tick' }

export type RequestsEffect<Request extends OutstandingRequest, Reply, Output> =
  | { readonly type: 'settle'; readonly request: Request; readonly outcome: Outcome<Reply> }
  | { readonly type: 'deliver'; readonly request: Request; readonly output: Output }

/** What arrived and belonged to nothing. */
export interface Strays {
  readonly replies: number
  readonly outputs: number
}

interface Replied<Request, Reply> {
  readonly request: Request
  readonly reply: Reply
  /** Undefined: until `idle`. */
  readonly outputs: number | undefined
  readonly deadlineMs: Millis
}

const NOTHING: never[] = []

/** Decides how outstanding requests end. Knows no socket and no clock. */
export class Requests<Request extends OutstandingRequest, Reply, Output> {
  readonly #waiting = new Map<string, Request>()
  /** Those with a reply in hand and outputs still on their way, in the order of their deadlines. */
  readonly #replied = new Map<string, Replied<Request, Reply>>()
  /** How many outputs came so far: only for requests that printed anything, so that most cost nothing. */
  readonly #outputs = new Map<string, number>()
  readonly #idle = new Set<string>()
  readonly #outputPatienceMs: Millis
  #strayReplies = 0
  #strayOutputs = 0

  /** @param outputPatienceMs - how long a reply waits for outputs that the engine announced. */
  constructor(outputPatienceMs: Millis = 2000) {
    this.#outputPatienceMs = outputPatienceMs
  }

  /** How many have not ended. */
  get size(): number {
    return this.#waiting.size + this.#replied.size
  }

  get strays(): Strays {
    return { replies: this.#strayReplies, outputs: this.#strayOutputs }
  }

  /** When the shell must next deliver a `tick`. */
  get wakeAtMs(): Millis {
    // Every deadline is the same span after its reply, so that the eldest entry has the nearest one.
    for (const entry of this.#replied.values()) return entry.deadlineMs
    return Number.POSITIVE_INFINITY
  }

  /** The request, unless it has ended. */
  get(msgId: string): Request | undefined {
    return this.#waiting.get(msgId) ?? this.#replied.get(msgId)?.request
  }

  /** Those without a reply, eldest first. */
  waiting(): IterableIterator<Request> {
    return this.#waiting.values()
  }

  isWaiting(msgId: string): boolean {
    return this.#waiting.has(msgId)
  }

  /** All that have not ended, in no particular order. */
  *outstanding(): Generator<Request> {
    yield* this.#waiting.values()
    for (const entry of this.#replied.values()) yield entry.request
  }

  /** The only way to change this machine. Returns what the shell must now do, in order. */
  handle(
    event: RequestsEvent<Request, Reply, Output>,
    nowMs: Millis,
  ): readonly RequestsEffect<Request, Reply, Output>[] {
    switch (event.type) {
      case 'submitted':
        return this.#submitted(event.request)
      case 'replied':
        return this.#repliedTo(event.msgId, event.reply, event.outputs, nowMs)
      case 'output':
        return this.#output(event.msgId, event.output)
      case 'status':
        return this.#status(event.msgId, event.idle)
      case 'engine_died':
        return this.#engineDied(event.engine, event.cause)
      case 'given_up':
        return this.#endThese(event.msgIds, { type: 'given_up', reason: event.reason })
      case 'lost':
        return this.#endThese(event.msgIds, { type: 'disconnected', reason: event.reason })
      case 'disconnected':
        return this.#disconnected(event.reason)
      case 'tick':
        return this.#tick(nowMs)
      default:
        return assertNever(event, 'requests event')
    }
  }

  /** What is known of one request, for error messages and debugging. */
  story(msgId: string): readonly string[] {
    const request = this.get(msgId)
    if (request === undefined) return [`${msgId}: not outstanding`]
    const where = request.engine === undefined ? '' : ` to engine ${request.engine}`
    const lines = [`${msgId}: submitted ${request.route}${where}`]
    const outputs = this.#outputs.get(msgId)
    if (outputs !== undefined) lines.push(`${msgId}: ${outputs} outputs came`)
    const replied = this.#replied.get(msgId)
    if (replied !== undefined)
      lines.push(
        `${msgId}: replied, waits for ${replied.outputs ?? 'all'} outputs until ${replied.deadlineMs}`,
      )
    return lines
  }

  /** @throws InvariantError when the machine contradicts itself. */
  validate(): void {
    let previousMs = Number.NEGATIVE_INFINITY
    for (const [msgId, entry] of this.#replied) {
      invariant(!this.#waiting.has(msgId), `request ${msgId} both waits and was answered`, this.story(msgId))
      invariant(entry.deadlineMs >= previousMs, 'deadlines are out of order', this.story(msgId))
      previousMs = entry.deadlineMs
    }
    for (const msgId of this.#outputs.keys())
      invariant(this.get(msgId) !== undefined, `outputs are kept for ${msgId}, which has ended`)
    for (const msgId of this.#idle)
      invariant(this.#waiting.has(msgId), `idle is kept for ${msgId}, which waits for no reply`)
  }

  #submitted(request: Request): readonly RequestsEffect<Request, Reply, Output>[] {
    invariant(
      this.get(request.msgId) === undefined,
      `request ${request.msgId} was submitted twice`,
      this.story(request.msgId),
    )
    this.#waiting.set(request.msgId, request)
    return NOTHING
  }

  #repliedTo(
    msgId: string,
    reply: Reply,
    announced: number | undefined,
    nowMs: Millis,
  ): readonly RequestsEffect<Request, Reply, Output>[] {
    const request = this.#waiting.get(msgId)
    if (request === undefined) {
      // Invariant 2: late, repeated or foreign. A second reply to a request that still waits for outputs is one, too.
      this.#strayReplies += 1
      return NOTHING
    }
    this.#waiting.delete(msgId)
    const came = this.#outputs.get(msgId) ?? 0
    const wasIdle = this.#idle.size > 0 && this.#idle.delete(msgId)
    const complete = announced === undefined ? !request.endsWithIdle || wasIdle : came >= announced
    if (complete) return [this.#end(request, { type: 'reply', reply })]
    this.#replied.set(msgId, {
      request,
      reply,
      outputs: announced,
      deadlineMs: nowMs + this.#outputPatienceMs,
    })
    return NOTHING
  }

  #output(msgId: string, output: Output): readonly RequestsEffect<Request, Reply, Output>[] {
    const request = this.get(msgId)
    if (request === undefined) {
      this.#strayOutputs += 1
      return NOTHING
    }
    // Invariant 3: the last output goes out before the request settles.
    const deliver = { type: 'deliver', request, output } as const
    return this.#count(msgId) ? [deliver, this.#endReplied(msgId)] : [deliver]
  }

  #status(msgId: string, idle: boolean): readonly RequestsEffect<Request, Reply, Output>[] {
    const request = this.get(msgId)
    if (request === undefined) return NOTHING
    if (this.#count(msgId)) return [this.#endReplied(msgId)]
    if (!idle) return NOTHING
    const replied = this.#replied.get(msgId)
    if (replied !== undefined) return replied.outputs === undefined ? [this.#endReplied(msgId)] : NOTHING
    // The idle may come before the reply: they travel on different sockets.
    if (request.endsWithIdle) this.#idle.add(msgId)
    return NOTHING
  }

  /** One more output came. True when the reply is there, and it was the last that it announced. */
  #count(msgId: string): boolean {
    const came = (this.#outputs.get(msgId) ?? 0) + 1
    this.#outputs.set(msgId, came)
    const announced = this.#replied.get(msgId)?.outputs
    return announced !== undefined && came >= announced
  }

  #endReplied(msgId: string): RequestsEffect<Request, Reply, Output> {
    const { request, reply } = this.#replied.get(msgId)!
    return this.#end(request, { type: 'reply', reply })
  }

  #engineDied(
    engine: EngineUuid,
    cause: DeathCause | undefined,
  ): readonly RequestsEffect<Request, Reply, Output>[] {
    // Invariant 4: `engine` is only set where the client chose the engine itself.
    return this.#endAll(request => request.engine === engine, { type: 'engine_died', engine, cause })
  }

  #endThese(
    msgIds: readonly string[],
    outcome: Outcome<Reply>,
  ): readonly RequestsEffect<Request, Reply, Output>[] {
    const effects: RequestsEffect<Request, Reply, Output>[] = []
    for (const msgId of msgIds) {
      const request = this.#waiting.get(msgId)
      if (request !== undefined) effects.push(this.#end(request, outcome))
    }
    return effects
  }

  #disconnected(reason: Error): readonly RequestsEffect<Request, Reply, Output>[] {
    return this.#endAll(() => true, { type: 'disconnected', reason })
  }

  #tick(nowMs: Millis): readonly RequestsEffect<Request, Reply, Output>[] {
    const effects: RequestsEffect<Request, Reply, Output>[] = []
    for (const { request, reply, deadlineMs } of this.#replied.values()) {
      if (deadlineMs > nowMs) break
      effects.push(this.#end(request, { type: 'reply', reply }))
    }
    return effects
  }

  #endAll(
    concerned: (request: Request) => boolean,
    outcome: Outcome<Reply>,
  ): readonly RequestsEffect<Request, Reply, Output>[] {
    const effects: RequestsEffect<Request, Reply, Output>[] = []
    // Invariant 5: what was answered keeps its answer.
    for (const { request, reply } of this.#replied.values())
      if (concerned(request)) effects.push(this.#end(request, { type: 'reply', reply }))
    for (const request of this.#waiting.values())
      if (concerned(request)) effects.push(this.#end(request, outcome))
    return effects
  }

  /** Invariant 1: takes the request out of every table and settles it, in one step. */
  #end(request: Request, outcome: Outcome<Reply>): RequestsEffect<Request, Reply, Output> {
    const { msgId } = request
    this.#waiting.delete(msgId)
    if (this.#replied.size > 0) this.#replied.delete(msgId)
    if (this.#outputs.size > 0) this.#outputs.delete(msgId)
    if (this.#idle.size > 0) this.#idle.delete(msgId)
    return { type: 'settle', request, outcome }
  }
}
