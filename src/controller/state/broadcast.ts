/**
 * The broadcast scheduler: decides what each target of a broadcast gets, and when the replies that a client wants as
 * one are complete. One flat scheduler does what the original's tree does; peers cannot tell the difference.
 *
 * What was sent to a target is kept until it answers: a connection that breaks may take it along, or its reply. As with
 * direct requests, engines of ours are then sent it again in fresh bytes, and of others our clients are told. It does not
 * know sockets, keys or what is in a buffer.
 *
 * ```
 *  requested ──► each target gets its own header ──► replied ──► passed on at once      (not coalescing)
 *                                                        └──► gathered ──► one reply    (coalescing, all there)
 *                     a target failed, or its engine left ──► one by one (ours) · one error or nothing (stock)
 *                                               └──(1 s)──► an error, for a client that missed the notification (ours)
 * ```
 *
 * Invariants
 * 1. A coalesced reply lists its buffers in the order of its `broadcast_targets`, which is the order of the request.
 * 2. If any target failed, a stock client's coalesced reply is that error: a partial result would be read as a whole one.
 *    Our own client gets every reply by itself then, and loses none: it can tell which target failed, and how.
 * 3. A gathering waits for at least one target; a target is waited for, or has its reply there, or is out of it.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import type { DeathCause, ErrorContent } from '../../protocol/catalogue.ts'
import type { Envelope, Header, Json } from '../../protocol/envelope.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import { DeadEngines } from './dead-engines.ts'
import { Orphans, UNTOLD_MS } from './orphans.ts'
import { isOwnRequest } from './task-plan.ts'
import { connectionBroke, diedRunning, errorContent, noSuchEngine } from './wire-error.ts'

export type BroadcastEvent =
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
  | { readonly type: 'requested'; readonly client: Frame; readonly request: Envelope }
  | {
      readonly type: 'replied'
      readonly engine: string
      readonly client: Frame
      readonly reply: Envelope
    }
  | { readonly type: 'tick' }

/** What one target of a broadcast gets. */
interface Sending {
  readonly engine: string
  readonly client: Frame
  readonly request: Envelope
  readonly header: Header
  readonly metadata: Json
}

export type BroadcastEffect =
  /** `isAgain`: in fresh bytes. */
  | ({ readonly type: 'send_request'; readonly isAgain: boolean } & Sending)
  | { readonly type: 'forward_reply'; readonly client: Frame; readonly reply: Envelope }
  | {
      readonly type: 'send_coalesced'
      readonly client: Frame
      readonly reply: Envelope
      readonly metadata: Json
      readonly buffers: Message
    }
  | {
      readonly type: 'answer_error'
      readonly client: Frame
      readonly request: Envelope
      /** The header that the target would have got: its reply has it as parent. */
      readonly header: Header
      readonly metadata: Json
      readonly error: ErrorContent
    }
  | { readonly type: 'drop'; readonly why: string }

type Target = readonly [uuid: string, id: number]

interface Engine {
  readonly id: number
  readonly remembers: boolean
  /** What it has not answered, by the ids that it knows. */
  readonly pending: Map<string, Pending>
}

interface Pending {
  readonly sending: Sending
  readonly own: boolean
  /** It was under way when the engine's connection broke. */
  isDoubtful: boolean
}

interface Gathering {
  readonly client: Frame
  readonly request: Envelope
  readonly own: boolean
  readonly targets: readonly Target[]
  readonly waiting: Set<string>
  readonly replies: Map<string, Envelope>
  /** It cannot be whole any more: what comes is passed on as it comes. */
  isApart: boolean
}

export class Broadcast {
  readonly #engines = new Map<string, Engine>()
  readonly #dead = new DeadEngines()
  readonly #gatherings = new Map<string, Gathering>()
  /** What dead engines leave open of our clients. */
  readonly #untold = new Orphans<Sending>(UNTOLD_MS)

  get wakeAtMs(): Millis {
    return this.#untold.wakeAtMs
  }

  handle(event: BroadcastEvent, nowMs: Millis): BroadcastEffect[] {
    switch (event.type) {
      case 'requested':
        return this.#requested(event.client, event.request)
      case 'replied':
        return this.#replied(event.engine, event.client, event.reply)
      case 'engine_joined':
        this.#engines.set(event.engine, {
          id: event.id,
          remembers: event.remembers === true,
          pending: new Map(),
        })
        this.#dead.cameBack(event.engine)
        return []
      case 'engine_left':
        return this.#left(event.engine, event.cause, nowMs)
      case 'engine_disconnected':
        for (const pending of this.#engines.get(event.engine)?.pending.values() ?? [])
          pending.isDoubtful = true
        return []
      case 'engine_reconnected':
        return this.#reconnected(event.engine)
      case 'tick':
        return this.#untold.expired(nowMs).map(({ msgId, request: { client, request }, death }) => {
          return this.#refuse(client, request, death.uuid, diedRunning(msgId, [death]))
        })
    }
  }

  /** Requests to single targets that have no answer yet, and coalesced broadcasts that wait for replies. */
  get size(): number {
    let size = this.#gatherings.size + this.#untold.size
    for (const { pending } of this.#engines.values()) size += pending.size
    return size
  }

  /** What an engine has not answered, by the ids that it knows. */
  queueOf(engine: string): string[] {
    return [...(this.#engines.get(engine)?.pending.keys() ?? [])]
  }

  /** Whether an engine has been asked this and has not answered. */
  isPending(engine: string, msgId: string): boolean {
    return this.#engines.get(engine)?.pending.has(msgId) === true
  }

  #requested(client: Frame, request: Envelope): BroadcastEffect[] {
    const { header, metadata } = request
    const targets = readTargets(metadata.targets)
    const own = isOwnRequest(metadata)
    if (targets === undefined) {
      const why = 'a broadcast must name its targets as pairs of uuid and number'
      if (!own) return [{ type: 'drop', why }]
      return [
        {
          type: 'answer_error',
          client,
          request,
          header,
          metadata: {},
          error: errorContent('TypeError', why),
        },
      ]
    }
    const effects: BroadcastEffect[] = []
    const coalescing = metadata.is_coalescing === true
    const originalId = header.msg_id
    if (coalescing && targets.length > 0) {
      const there = targets.map(([uuid]) => uuid).filter(uuid => !own || this.#engines.has(uuid))
      const gathering: Gathering = {
        client,
        request,
        own,
        targets,
        waiting: new Set(there),
        replies: new Map(),
        isApart: there.length < targets.length,
      }
      if (there.length > 0) this.#gatherings.set(originalId, gathering)
    }
    for (const target of targets) {
      const [uuid] = target
      const engine = this.#engines.get(uuid)
      if (engine === undefined) {
        if (own) effects.push(this.#refuse(client, request, uuid))
        continue
      }
      const sending: Sending = {
        engine: uuid,
        client,
        request,
        header: { ...header, msg_id: `${originalId}_${uuid}` },
        metadata: { ...metadata, targets: [target], original_msg_id: originalId },
      }
      engine.pending.set(sending.header.msg_id, { sending, own, isDoubtful: false })
      effects.push({ type: 'send_request', ...sending, isAgain: false })
    }
    return effects
  }

  #reconnected(uuid: string): BroadcastEffect[] {
    const effects: BroadcastEffect[] = []
    const engine = this.#engines.get(uuid)
    if (engine === undefined) return effects
    for (const [msgId, pending] of engine.pending) {
      const { sending, own, isDoubtful } = pending
      if (!isDoubtful) continue
      if (engine.remembers) {
        pending.isDoubtful = false
        effects.push({ type: 'send_request', ...sending, isAgain: true })
        continue
      }
      if (!own) continue
      engine.pending.delete(msgId)
      const { client, request } = sending
      effects.push(
        ...this.#goOnWithout(uuid, request.header.msg_id),
        this.#refuse(client, request, uuid, connectionBroke(engine.id)),
      )
    }
    return effects
  }

  /** @param error - default: there is no such engine. */
  #refuse(
    client: Frame,
    request: Envelope,
    uuid: string,
    error: ErrorContent = noSuchEngine(uuid, this.#dead.get(uuid)),
  ): BroadcastEffect {
    const originalId = request.header.msg_id
    return {
      type: 'answer_error',
      client,
      request,
      header: { ...request.header, msg_id: `${originalId}_${uuid}` },
      metadata: {
        status: 'error',
        engine: uuid,
        is_broadcast: true,
        is_coalescing: false,
        original_msg_id: originalId,
      },
      error,
    }
  }

  #replied(engine: string, client: Frame, reply: Envelope): BroadcastEffect[] {
    const { metadata, parentHeader } = reply
    const { msg_id: msgId = '' } = parentHeader
    if (this.#engines.get(engine)?.pending.delete(msgId) !== true) this.#untold.take(msgId, engine)
    if (metadata.is_coalescing !== true) return [{ type: 'forward_reply', client, reply }]
    const originalId = metadata.original_msg_id
    const gathering = typeof originalId === 'string' ? this.#gatherings.get(originalId) : undefined
    if (gathering?.waiting.delete(engine) !== true) {
      return [{ type: 'drop', why: 'a broadcast reply that nobody waits for' }]
    }
    if (gathering.waiting.size === 0) this.#gatherings.delete(originalId as string)
    if (gathering.isApart) return [{ type: 'forward_reply', client, reply }]
    gathering.replies.set(engine, reply)
    if (gathering.waiting.size > 0) return []
    const failed = [...gathering.replies.values()].find(({ metadata }) => metadata.status !== 'ok')
    // Invariant 2.
    if (failed !== undefined && gathering.own) return takeApart(gathering)
    return [coalesce(gathering, reply, failed)]
  }

  #left(engine: string, cause: DeathCause | undefined, nowMs: Millis): BroadcastEffect[] {
    const there = this.#engines.get(engine)
    if (there === undefined) return []
    this.#engines.delete(engine)
    const death = this.#dead.died({ uuid: engine, id: there.id, cause })
    for (const [msgId, { sending, own }] of there.pending)
      if (own) this.#untold.add(msgId, sending, death, nowMs)
    return [...this.#gatherings.keys()].flatMap(originalId => this.#goOnWithout(engine, originalId))
  }

  /** A target will not answer: what is gathered of its broadcast can never be whole. */
  #goOnWithout(engine: string, originalId: string): BroadcastEffect[] {
    const gathering = this.#gatherings.get(originalId)
    if (gathering?.waiting.delete(engine) !== true) return []
    if (gathering.waiting.size === 0 || !gathering.own) this.#gatherings.delete(originalId)
    return gathering.own ? takeApart(gathering) : []
  }

  validate(): void {
    for (const [originalId, { targets, replies, waiting }] of this.#gatherings) {
      // Invariant 3.
      invariant(waiting.size > 0, `the broadcast ${originalId} is complete and was not answered`)
      for (const engine of replies.keys()) {
        invariant(
          targets.some(([uuid]) => uuid === engine),
          `the broadcast ${originalId} has a reply of a stranger`,
        )
        invariant(!waiting.has(engine), `the broadcast ${originalId} waits for a reply that is there`)
      }
    }
  }
}

/** Gives out what was gathered, reply by reply in the order of the request; nothing is gathered from now on. */
function takeApart(gathering: Gathering): BroadcastEffect[] {
  const { client, targets, replies } = gathering
  const effects = targets.flatMap(([uuid]): BroadcastEffect[] => {
    const reply = replies.get(uuid)
    return reply === undefined ? [] : [{ type: 'forward_reply', client, reply }]
  })
  gathering.isApart = true
  replies.clear()
  return effects
}

function coalesce(
  { client, own, targets, replies }: Gathering,
  last: Envelope,
  failed: Envelope | undefined,
): BroadcastEffect {
  const reply = failed ?? last
  const buffers: Frame[] = []
  // Invariant 1.
  if (failed === undefined) for (const [uuid] of targets) buffers.push(...replies.get(uuid)!.buffers)
  return {
    type: 'send_coalesced',
    client,
    reply,
    metadata: {
      ...reply.metadata,
      broadcast_targets: targets,
      ...(own && { replies: targets.map(([uuid]) => describeReply(replies.get(uuid)!)) }),
    },
    buffers,
  }
}

/** Ours: what the one reply says about each target, so that our client knows as much of each as if it came alone. */
function describeReply({ metadata, header }: Envelope): Json {
  return { ...metadata, date: header.date }
}

/** Pairs of uuid and number, each uuid once; a plain uuid is taken for a pair with an unknown number. */
function readTargets(wire: unknown): Target[] | undefined {
  if (!Array.isArray(wire)) return undefined
  const targets = new Map<string, Target>()
  for (const item of wire as unknown[]) {
    const [uuid, id = -1] = Array.isArray(item) ? (item as unknown[]) : [item]
    if (typeof uuid !== 'string' || typeof id !== 'number') return undefined
    if (!targets.has(uuid)) targets.set(uuid, [uuid, id])
  }
  return [...targets.values()]
}
