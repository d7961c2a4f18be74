/**
 * The hub: decides who belongs to the cluster, under which number, and what is said about it.
 *
 * It does not know sockets, how heartbeats are counted (`heart-monitor.ts`), or what engines are given to do; questions
 * about requests it passes on to `hub-queries.ts`, and through its shell to the records, who may take their time.
 *
 * ```
 *                    registration_request            heart_started
 *    (unknown) ─────────────────────────► pending ────────────────► registered
 *        ▲                                   │                           │ unregistration_request, heart_stopped,
 *        │    registration timeout,          │                           │ shutdown_reply on iopub, connection
 *        └── unregistration_request ─────────┘                           │ lost and not back in `linkGraceMs`
 *        └───────────────────────────────────────────────────────────────┘
 * ```
 *
 * Invariants
 * 1. A number is one engine's at a time. It is given a second time only to who asks for it, as an engine that comes back
 *    does; any other registration request consumes a new one, refused or not.
 * 2. An engine is shown to nobody before its first pong, and its leaving is told once.
 * 3. A registration reply is sent before the notification that it leads to.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import { KEPT, SAFE_ID } from '../../base/ids.ts'
import type { AboutEngine, ConnectionInfo, DeathCause, HubReplies } from '../../protocol/catalogue.ts'
import type { Header } from '../../protocol/envelope.ts'
import type { Frame } from '../../transport/socket.ts'
import type { EngineAbilities, HubEffect, HubEvent } from './hub-events.ts'
import { type HubQueries, isHubQuery } from './hub-queries.ts'
import { readAbilities, readAbout, readCause, readTexts } from './hub-requests.ts'
import { LostLinks } from './lost-links.ts'
import type { Fields } from './query.ts'
import type { RecordAnswer } from './record-questions.ts'
import { ResultWaits } from './result-waits.ts'
import { errorContent, keyError, pythonRepr, WireError } from './wire-error.ts'

export type { HubEffect, HubEvent } from './hub-events.ts'

export interface HubOptions {
  readonly queries: HubQueries
  readonly connectionInfo: () => ConnectionInfo
  readonly heartbeatMs: Millis
  readonly registrationTimeoutMs: Millis
  /** How long a lost connection may take to come back. */
  readonly linkGraceMs: Millis
}

/** Numbers that may be asked for end here: nobody has so many engines, and the counter must not run out. */
const ID_END = 1 << 24

/** Keepers wait for what an engine said last, and helpers of Python's engines live a little longer than these. */
const KEEPER_GRACES = 3

interface Registration {
  readonly uuid: string
  readonly id: number
  readonly about: AboutEngine
  readonly abilities: EngineAbilities
}

interface PendingRegistration extends Registration {
  readonly untilMs: Millis
}

export class Hub {
  readonly #registered = new Map<string, Registration>()
  readonly #numbers = new Map<number, string>()
  readonly #pending = new Map<string, PendingRegistration>()
  readonly #links = new LostLinks(engine => this.#graceMs(engine))
  /** Engines that said goodbye, whose keepers will say how they ended. If nobody does, their connections tell of the end. */
  readonly #awaitingCause = new Set<string>()
  /** Questions about results that are answered when there is something new to tell. */
  readonly #waits = new ResultWaits<{
    readonly from: Frame
    readonly header: Header
    readonly content: Fields
  }>()
  readonly #options: HubOptions
  #nextId = 0

  constructor(options: HubOptions) {
    this.#options = options
  }

  get wakeAtMs(): Millis {
    let at = this.#links.wakeAtMs
    for (const { untilMs } of this.#pending.values()) at = Math.min(at, untilMs)
    return at
  }

  handle(event: HubEvent, nowMs: Millis): HubEffect[] {
    switch (event.type) {
      case 'hub_request':
        return this.#request(event.from, event.header, event.content, nowMs)
      case 'heart_started':
        return this.#complete(event.engine)
      case 'heart_stopped':
        return this.#unregister(event.engine, { reason: `its heartbeat stopped: ${event.misses} misses` })
      case 'link_lost':
        if (this.#registered.has(event.engine)) this.#links.lost(event.engine, event.channel, nowMs)
        return []
      case 'link_joined':
        this.#links.joined(event.engine, event.channel)
        return []
      case 'shutdown_seen':
        return this.#unregister(
          event.engine,
          { reason: 'it was shut down', shutdown: event.restart ? 'restart' : 'stop' },
          true,
        )
      case 'request_ended':
        return this.#waits
          .ended(event.msgId)
          .flatMap(({ from, header, content }) => this.#request(from, header, content, nowMs))
      case 'records_answered':
        return this.#recordsAnswered(event.from, event.header, event.answer)
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  /** Whether somebody waits for this request to end. */
  isAwaited(msgId: string): boolean {
    return this.#waits.isAwaited(msgId)
  }

  isRegistered(uuid: string): boolean {
    return this.#registered.has(uuid)
  }

  #request(from: Frame, header: Header, content: Fields, nowMs: Millis): HubEffect[] {
    const type = header.msg_type
    const reply = (messageType: keyof HubReplies, body: object): HubEffect => ({
      type: 'reply',
      to: from,
      messageType,
      content: body,
      parent: header,
    })
    switch (type) {
      case 'registration_request':
        return this.#register(from, content, nowMs)
      case 'unregistration_request':
        return this.#unregistrationRequest(content)
      case 'connection_request':
        return [reply('connection_reply', { status: 'ok', ...this.#engines() })]
      case 'shutdown_request':
        return [
          reply('shutdown_reply', { status: 'ok' }),
          { type: 'notify', messageType: 'shutdown_notification', content: { status: 'ok' }, parent: header },
          { type: 'stop_controller' },
        ]
      case 'abort_request':
        return [
          reply('abort_reply', { status: 'ok' }),
          { type: 'abort_tasks', msgIds: readTexts(content.msg_ids) },
        ]
      case 'stop_distributed_request':
        return [reply('stop_distributed_reply', { status: 'ok' })]
      case 'become_dask_request':
        return [reply('hub_error', errorContent('ModuleNotFoundError', "No module named 'distributed'"))]
      default:
        return this.#query(from, header, content, reply)
    }
  }

  #query(
    from: Frame,
    header: Header,
    content: Fields,
    reply: (messageType: keyof HubReplies, body: object) => HubEffect,
  ): HubEffect[] {
    const type = header.msg_type
    if (!isHubQuery(type)) {
      const { ename, evalue } = keyError(`Bad Message Type: ${pythonRepr(type)}`)
      return [reply('hub_error', errorContent(ename, evalue))]
    }
    try {
      const answer = this.#options.queries.answer(type, content, this.#numbers)
      if ('question' in answer) {
        const { question, mayAwait } = answer
        if (mayAwait !== undefined && this.#waits.add(mayAwait, { from, header, content })) return []
        return [{ type: 'ask_records', from, header, question }]
      }
      return [reply(replyTypeOf(type), answer.content)]
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      // The original answers these two with its general error, and its clients look for that.
      const general = type === 'queue_request' || type === 'load_request'
      return [reply(general ? 'hub_error' : replyTypeOf(type), errorContent(error.ename, error.evalue))]
    }
  }

  #recordsAnswered(to: Frame, header: Header, answer: RecordAnswer | WireError): HubEffect[] {
    const reply = { type: 'reply', to, messageType: replyTypeOf(header.msg_type), parent: header } as const
    if (answer instanceof WireError) return [{ ...reply, content: errorContent(answer.ename, answer.evalue) }]
    const again = answer.again.map(one => ({ type: 'submit_again', ...one }) as const)
    return [{ ...reply, content: answer.content, buffers: answer.buffers }, ...again]
  }

  #engines(): Pick<HubReplies['connection_reply'], 'engines' | 'about'> {
    const engines: Record<string, string> = {}
    const about: Record<string, AboutEngine> = {}
    for (const [id, uuid] of this.#numbers) {
      engines[id] = uuid
      const told = this.#registered.get(uuid)?.about
      if (told?.language !== undefined) about[id] = told
    }
    return { engines, about }
  }

  // --- engines come ---

  #register(from: Frame, content: Fields, nowMs: Millis): HubEffect[] {
    const { uuid, id: wanted } = content
    // As the original: there is nobody to answer by name.
    if (typeof uuid !== 'string') return []
    const reply = (body: object): HubEffect => ({
      type: 'reply',
      to: from,
      messageType: 'registration_reply',
      content: body,
      parent: undefined,
    })
    const id = this.#takeNumber(wanted)
    if (this.#registered.has(uuid) || this.#pending.has(uuid)) {
      const { ename, evalue } = keyError(`uuid ${pythonRepr(uuid)} in use`)
      return [reply(errorContent(ename, evalue))]
    }
    if (!SAFE_ID.test(uuid) || uuid.length > 255) {
      const evalue = 'a uuid may have 1 to 255 letters, digits, _ and -'
      return [reply(errorContent('ValueError', evalue))]
    }
    this.#pending.set(uuid, {
      uuid,
      id,
      about: readAbout(content),
      abilities: readAbilities(content),
      untilMs: nowMs + this.#options.registrationTimeoutMs,
    })
    return [
      reply({
        id,
        status: 'ok',
        hb_period: this.#options.heartbeatMs,
        connection_info: this.#options.connectionInfo(),
      }),
      { type: 'await_heart', engine: uuid },
    ]
  }

  /** Invariant 1. */
  #takeNumber(wanted: unknown): number {
    const isNumber = typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 0 && wanted < ID_END
    const taken =
      !isNumber || this.#numbers.has(wanted) || [...this.#pending.values()].some(({ id }) => id === wanted)
    const id = taken ? this.#nextId : wanted
    this.#nextId = Math.max(this.#nextId, id + 1)
    return id
  }

  #complete(uuid: string): HubEffect[] {
    const registration = this.#pending.get(uuid)
    if (registration === undefined) return []
    this.#pending.delete(uuid)
    const { id, about, abilities } = registration
    this.#registered.set(uuid, { uuid, id, about, abilities })
    this.#numbers.set(id, uuid)
    return [
      { type: 'admit_engine', engine: uuid, id, language: about.language, ...abilities },
      {
        type: 'notify',
        messageType: 'registration_notification',
        content: { id, uuid, ...about },
      },
    ]
  }

  // --- engines go ---

  #unregistrationRequest(content: Fields): HubEffect[] {
    const { id, uuid, cause } = content
    const known = typeof uuid === 'string' ? uuid : this.#uuidOf(id)
    if (known === undefined) return []
    if (cause === undefined && known.startsWith(KEPT) && this.#registered.has(known)) {
      this.#awaitingCause.add(known)
      return []
    }
    return this.#unregister(known, readCause(cause))
  }

  #uuidOf(id: unknown): string | undefined {
    if (typeof id !== 'number') return undefined
    const pending = [...this.#pending.values()].find(registration => registration.id === id)
    return this.#numbers.get(id) ?? pending?.uuid
  }

  /** Invariant 2: whatever tells of an engine's end comes here, and only the first of them does anything. */
  #unregister(uuid: string, cause: DeathCause | undefined, orderly = false): HubEffect[] {
    if (this.#pending.delete(uuid)) return [{ type: 'forget_heart', engine: uuid }]
    const registration = this.#registered.get(uuid)
    if (registration === undefined) return []
    const { id } = registration
    this.#registered.delete(uuid)
    this.#numbers.delete(id)
    this.#links.forget(uuid)
    this.#awaitingCause.delete(uuid)
    this.#options.queries.engineGone(uuid)
    return [
      { type: 'forget_heart', engine: uuid },
      {
        type: 'notify',
        messageType: 'unregistration_notification',
        content: cause === undefined ? { id, uuid } : { id, uuid, cause },
      },
      { type: 'dismiss_engine', engine: uuid, id, cause, orderly },
    ]
  }

  /** How long a lost connection is waited for. */
  #graceMs(engine: string): Millis {
    return this.#options.linkGraceMs * (this.#awaitingCause.has(engine) ? KEEPER_GRACES : 1)
  }

  #tick(nowMs: Millis): HubEffect[] {
    const effects: HubEffect[] = []
    for (const [uuid, { untilMs }] of this.#pending) {
      if (untilMs > nowMs) continue
      this.#pending.delete(uuid)
      effects.push({ type: 'forget_heart', engine: uuid })
    }
    for (const uuid of this.#links.overdue(nowMs))
      effects.push(...this.#unregister(uuid, { reason: 'connection lost' }))
    return effects
  }

  validate(): void {
    invariant(this.#registered.size === this.#numbers.size, 'engines and numbers do not match')
    for (const [id, uuid] of this.#numbers) {
      invariant(this.#registered.get(uuid)?.id === id, `engine ${id} has another number in the registry`)
      invariant(!this.#pending.has(uuid), `engine ${id} is registered and pending at once`)
      invariant(id < this.#nextId, `number ${id} could be given again`)
    }
    for (const uuid of this.#awaitingCause)
      invariant(this.#registered.has(uuid), `the cause of ${uuid}'s end is awaited, who is not registered`)
    for (const uuid of this.#links.engines()) {
      invariant(this.#registered.has(uuid), `a connection of ${uuid} is missed, who is not registered`)
    }
  }
}

function replyTypeOf(request: string): keyof HubReplies {
  return request.replace('_request', '_reply') as keyof HubReplies
}
