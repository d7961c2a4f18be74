/**
 * The direct scheduler (the original's mux): decides where a request to one engine goes, and what to say when that
 * engine is not there.
 *
 * It knows which engines there are and which requests wait for a reply. It does not know what is in them, and it never
 * answers a stock client: the original is silent about engines that are gone, and its clients count on hearing of a
 * death by notification. A late reply of an engine that was given up still passes, as it does there.
 *
 * ```
 *  requested ──► pending at an engine ──► replied
 *      │                │ engine left
 *      │                └──► orphaned ──(1 s; stock: forgetMs)──► failed: in the records, and told to our clients
 *      └── no such engine: refused (ours) or dropped (stock)
 * ```
 *
 * Our clients, too, hear of a death by notification. They are told of each request a little later, because a client whose
 * own connection was away may have heard of neither the death nor that the engine came back.
 *
 * A connection that breaks may take a request or its reply along, and nobody can know which. An engine of ours is sent
 * again, in fresh bytes, what was under way: it remembers what it has begun and what it has answered. Any other would run
 * it twice: there it fails as soon as the engine is back, for our own clients. A stock client is told nothing, as by the
 * original; should a reply come after all, it is passed on.
 *
 * A controller that is new may get an engine's answer before its client sends the request again. It passes the answer on,
 * and keeps it a while: the engine would answer the request in the same bytes, which are then taken for a replay.
 *
 * Invariants
 * 1. A request is pending at one engine or orphaned, never both.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import type { DeathCause, ErrorContent } from '../../protocol/catalogue.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Frame } from '../../transport/socket.ts'
import { DeadEngines } from './dead-engines.ts'
import { bufferBytes, keptRequest } from './kept-request.ts'
import { Orphans, UNTOLD_MS } from './orphans.ts'
import { Story } from './story.ts'
import { connectionBroke, diedRunning, noSuchEngine, originalDeath } from './wire-error.ts'

export type DirectEvent =
  | {
      readonly type: 'engine_joined'
      readonly engine: string
      readonly id: number
      /** It does not run a request again that comes again. */
      readonly remembers?: boolean
    }
  | { readonly type: 'engine_left'; readonly engine: string; readonly cause?: DeathCause | undefined }
  | { readonly type: 'engine_disconnected'; readonly engine: string }
  | { readonly type: 'engine_reconnected'; readonly engine: string }
  | {
      readonly type: 'requested'
      readonly msgId: string
      readonly client: Frame
      readonly engine: string
      readonly request: Envelope
      /** It carries the mark of our own clients. */
      readonly own: boolean
    }
  | {
      readonly type: 'replied'
      readonly msgId: string
      readonly engine: string
      readonly reply: Envelope
    }
  | { readonly type: 'tick' }

export type DirectEffect =
  | {
      readonly type: 'forward_request'
      readonly engine: string
      readonly client: Frame
      readonly request: Envelope
      readonly msgId: string
    }
  /** To the same engine, in fresh bytes. */
  | {
      readonly type: 'repeat_request'
      readonly engine: string
      readonly client: Frame
      readonly request: Envelope
    }
  | { readonly type: 'forward_reply'; readonly reply: Envelope }
  | {
      readonly type: 'answer_error'
      readonly client: Frame
      readonly engine: string
      readonly request: Envelope
      readonly error: ErrorContent
    }
  | { readonly type: 'drop_request'; readonly engine: string; readonly msgId: string }
  /** For the records: this request has ended. */
  | {
      readonly type: 'record_reply'
      readonly msgId: string
      readonly engine: string
      readonly request: Envelope
      readonly reply: Envelope
    }
  | {
      readonly type: 'record_failure'
      readonly msgId: string
      readonly engine: string
      readonly request: Envelope
      readonly error: ErrorContent
    }

export interface DirectOptions {
  /** How long a stock client's requests of a dead engine are kept before they count as failed. */
  readonly forgetMs: Millis
}

/** How many answers are kept that came before their requests, and of at most which size. */
const EARLY_MAX = 64
const EARLY_BYTES_MAX = 1 << 20

interface Pending {
  /** Whole, where it may have to be sent again. */
  request: Envelope
  readonly client: Frame
  readonly own: boolean
  /** It was under way when the engine's connection broke. */
  isDoubtful: boolean
}

interface Engine {
  readonly id: number
  readonly remembers: boolean
  readonly pending: Map<string, Pending>
}

const NOTHING: ReadonlyMap<string, Pending> = new Map()

export class Direct {
  readonly #engines = new Map<string, Engine>()
  /** Of our clients, and of stock ones. */
  readonly #untold = new Orphans<Pending>(UNTOLD_MS)
  readonly #orphans: Orphans<Pending>
  /** Answers to requests that are not known, by their ids, the oldest first. */
  readonly #early = new Map<string, { readonly engine: string; readonly reply: Envelope }>()
  readonly #dead = new DeadEngines()
  readonly #story = new Story()

  constructor(options: DirectOptions) {
    this.#orphans = new Orphans(options.forgetMs)
  }

  get wakeAtMs(): Millis {
    return Math.min(this.#untold.wakeAtMs, this.#orphans.wakeAtMs)
  }

  handle(event: DirectEvent, nowMs: Millis): DirectEffect[] {
    switch (event.type) {
      case 'requested':
        return this.#requested(event.msgId, event.client, event.engine, event.request, event.own)
      case 'replied':
        return this.#replied(event.msgId, event.engine, event.reply)
      case 'engine_joined':
        this.#engines.set(event.engine, {
          id: event.id,
          remembers: event.remembers === true,
          pending: new Map(),
        })
        this.#dead.cameBack(event.engine)
        return []
      case 'engine_left':
        this.#left(event.engine, event.cause, nowMs)
        return []
      case 'engine_disconnected':
        for (const pending of this.#pendingOf(event.engine).values()) pending.isDoubtful = true
        return []
      case 'engine_reconnected':
        return this.#reconnected(event.engine)
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  /** Requests that have no answer yet. */
  get size(): number {
    let size = this.#untold.size + this.#orphans.size
    for (const { pending } of this.#engines.values()) size += pending.size
    return size
  }

  isPending(msgId: string): boolean {
    for (const { pending } of this.#engines.values()) if (pending.has(msgId)) return true
    return this.#isOrphaned(msgId)
  }

  /** Ids of the requests that an engine has not answered. */
  queueOf(engine: string): string[] {
    return [...this.#pendingOf(engine).keys()]
  }

  /**
   * Whether a request that is still coming in would be passed to its engine, and nothing be lost if the engine's connection
   * had to be broken because the rest does not come: so the engine remembers, and has nothing to answer.
   */
  wouldForward(msgId: string, engine: string): boolean {
    const there = this.#engines.get(engine)
    return there?.remembers === true && there.pending.size === 0 && !this.#early.has(msgId)
  }

  /**
   * Whether a reply that is still coming in would be passed on, to a client of ours: should its connection have to be
   * broken, it sends again what was under way.
   */
  wouldRelay(msgId: string, engine: string): boolean {
    return this.#pendingOf(engine).get(msgId)?.own === true
  }

  countOf(engine: string): number {
    return this.#pendingOf(engine).size
  }

  story(msgId: string): string[] {
    return this.#story.of(msgId)
  }

  #requested(msgId: string, client: Frame, engine: string, request: Envelope, own: boolean): DirectEffect[] {
    const there = this.#engines.get(engine)
    const early = this.#takeEarly(msgId, engine)
    if (early !== undefined) {
      this.#story.tell(msgId, 'answered before by engine', engine)
      return [
        { type: 'forward_reply', reply: early },
        { type: 'record_reply', msgId, engine, request, reply: early },
      ]
    }
    if (there !== undefined) {
      there.pending.set(msgId, {
        request: there.remembers ? request : keptRequest(request),
        client,
        own,
        isDoubtful: false,
      })
      this.#story.tell(msgId, 'passed to engine', engine)
      return [{ type: 'forward_request', engine, client, request, msgId }]
    }
    this.#story.tell(msgId, 'not passed: no engine', engine)
    if (!own) return [{ type: 'drop_request', engine, msgId }]
    const error = noSuchEngine(engine, this.#dead.get(engine))
    return [{ type: 'answer_error', client, engine, request, error }]
  }

  #isOrphaned(msgId: string): boolean {
    return this.#untold.has(msgId) || this.#orphans.has(msgId)
  }

  #replied(msgId: string, engine: string, reply: Envelope): DirectEffect[] {
    const effects: DirectEffect[] = [{ type: 'forward_reply', reply }]
    const pending = this.#engines.get(engine)?.pending
    const entry = pending?.get(msgId) ?? this.#untold.take(msgId, engine) ?? this.#orphans.take(msgId, engine)
    if (entry === undefined) {
      // It may not have registered yet.
      if (this.#engines.get(engine)?.remembers !== false) this.#keepEarly(msgId, engine, reply)
      return effects
    }
    pending?.delete(msgId)
    this.#story.tell(msgId, 'answered by engine', engine)
    effects.push({ type: 'record_reply', msgId, engine, request: entry.request, reply })
    return effects
  }

  #keepEarly(msgId: string, engine: string, reply: Envelope): void {
    if (bufferBytes(reply) > EARLY_BYTES_MAX) return
    this.#early.set(msgId, { engine, reply })
    if (this.#early.size > EARLY_MAX) this.#early.delete(this.#early.keys().next().value!)
  }

  #takeEarly(msgId: string, engine: string): Envelope | undefined {
    const early = this.#early.size === 0 ? undefined : this.#early.get(msgId)
    if (early?.engine !== engine) return undefined
    this.#early.delete(msgId)
    return early.reply
  }

  #reconnected(engine: string): DirectEffect[] {
    const effects: DirectEffect[] = []
    const there = this.#engines.get(engine)
    if (there === undefined) return effects
    for (const [msgId, pending] of there.pending) {
      const { request, client, own, isDoubtful } = pending
      if (!isDoubtful) continue
      if (there.remembers) {
        pending.isDoubtful = false
        this.#story.tell(msgId, 'sent again to engine', engine)
        effects.push({ type: 'repeat_request', engine, client, request })
        continue
      }
      if (!own) continue
      there.pending.delete(msgId)
      this.#story.tell(msgId, 'given up with the connection of engine', engine)
      const error = connectionBroke(there.id)
      effects.push({ type: 'answer_error', client, engine, request, error })
      effects.push({ type: 'record_failure', msgId, engine, request, error })
    }
    return effects
  }

  #left(engine: string, cause: DeathCause | undefined, nowMs: Millis): void {
    const there = this.#engines.get(engine)
    if (there === undefined) return
    this.#engines.delete(engine)
    const death = this.#dead.died({ uuid: engine, id: there.id, cause })
    for (const [msgId, pending] of there.pending) {
      pending.request = keptRequest(pending.request)
      const orphans = pending.own ? this.#untold : this.#orphans
      orphans.add(msgId, pending, death, nowMs)
    }
  }

  #pendingOf(engine: string): ReadonlyMap<string, Pending> {
    return this.#engines.get(engine)?.pending ?? NOTHING
  }

  #tick(nowMs: Millis): DirectEffect[] {
    const effects: DirectEffect[] = []
    for (const { msgId, request: orphan, death } of this.#untold.expired(nowMs)) {
      const { client, request } = orphan
      const error = diedRunning(msgId, [death])
      effects.push({ type: 'answer_error', client, engine: death.uuid, request, error })
      effects.push({ type: 'record_failure', msgId, engine: death.uuid, request, error })
    }
    for (const { msgId, request: orphan, death } of this.#orphans.expired(nowMs)) {
      const error = originalDeath(death.uuid, msgId)
      effects.push({ type: 'record_failure', msgId, engine: death.uuid, request: orphan.request, error })
    }
    return effects
  }

  validate(): void {
    for (const [engine, { pending }] of this.#engines) {
      // Invariant 1.
      for (const msgId of pending.keys())
        invariant(!this.#isOrphaned(msgId), `${msgId} is pending at ${engine} and orphaned`)
    }
  }
}
