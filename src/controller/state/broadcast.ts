/**
 * The broadcast scheduler: decides what each target of a broadcast gets, and when the replies that a client wants as
 * one are complete. One flat scheduler does what the original's tree does; peers cannot tell the difference.
 *
 * A broadcast that is not coalesced leaves no trace here: each reply carries its client's address. One that is, is kept
 * until its last target has answered. It does not know sockets, keys or what is in a buffer.
 *
 * ```
 *  requested ──► each target gets its own header ──► replied ──► passed on at once      (not coalescing)
 *                                                        └──► gathered ──► one reply    (coalescing, all there)
 *                     a target failed, or its engine left ──► one by one (ours) · one error or nothing (stock)
 * ```
 *
 * Invariants
 * 1. A coalesced reply lists its buffers in the order of its `broadcast_targets`, which is the order of the request.
 * 2. If any target failed, a stock client's coalesced reply is that error: a partial result would be read as a whole one.
 *    Our own client gets every reply by itself then, and loses none: it can tell which target failed, and how.
 * 3. A gathering waits for at least one target; a target is waited for, or has its reply there, or is out of it.
 */

import { invariant } from '../../base/assert.ts'
import type { DeathCause, ErrorContent } from '../../protocol/catalogue.ts'
import type { Envelope, Header, Json } from '../../protocol/envelope.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import { DeadEngines } from './dead-engines.ts'
import { isOwnRequest } from './task-plan.ts'
import { errorContent, noSuchEngine } from './wire-error.ts'

export type BroadcastEvent =
  | { readonly type: 'engine_joined'; readonly engine: string; readonly id: number }
  | { readonly type: 'engine_left'; readonly engine: string; readonly cause?: DeathCause | undefined }
  | { readonly type: 'requested'; readonly client: Frame; readonly request: Envelope }
  | {
      readonly type: 'replied'
      readonly engine: string
      readonly client: Frame
      readonly reply: Envelope
    }

export type BroadcastEffect =
  | {
      readonly type: 'send_request'
      readonly engine: string
      readonly client: Frame
      readonly request: Envelope
      readonly header: Header
      readonly metadata: Json
    }
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
  readonly #engines = new Map<string, number>()
  readonly #dead = new DeadEngines()
  readonly #gatherings = new Map<string, Gathering>()

  handle(event: BroadcastEvent): BroadcastEffect[] {
    switch (event.type) {
      case 'requested':
        return this.#requested(event.client, event.request)
      case 'replied':
        return this.#replied(event.engine, event.client, event.reply)
      case 'engine_joined':
        this.#engines.set(event.engine, event.id)
        this.#dead.cameBack(event.engine)
        return []
      case 'engine_left':
        return this.#left(event.engine, event.cause)
    }
  }

  /** How many coalesced broadcasts wait for replies. */
  get gatheringCount(): number {
    return this.#gatherings.size
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
      if (!this.#engines.has(uuid)) {
        if (own) effects.push(this.#refuse(client, request, uuid))
        continue
      }
      effects.push({
        type: 'send_request',
        engine: uuid,
        client,
        request,
        header: { ...header, msg_id: `${originalId}_${uuid}` },
        metadata: { ...metadata, targets: [target], original_msg_id: originalId },
      })
    }
    return effects
  }

  #refuse(client: Frame, request: Envelope, uuid: string): BroadcastEffect {
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
      error: noSuchEngine(uuid, this.#dead.get(uuid)),
    }
  }

  #replied(engine: string, client: Frame, reply: Envelope): BroadcastEffect[] {
    const { metadata } = reply
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

  #left(engine: string, cause: DeathCause | undefined): BroadcastEffect[] {
    const id = this.#engines.get(engine)
    if (id === undefined) return []
    this.#engines.delete(engine)
    this.#dead.died({ uuid: engine, id, cause })
    const effects: BroadcastEffect[] = []
    for (const [originalId, gathering] of this.#gatherings) {
      if (!gathering.waiting.delete(engine)) continue
      if (gathering.waiting.size === 0 || !gathering.own) this.#gatherings.delete(originalId)
      if (!gathering.own) continue
      effects.push(...takeApart(gathering), this.#refuse(gathering.client, gathering.request, engine))
    }
    return effects
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
