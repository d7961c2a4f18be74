/**
 * The client's shell: one loop over what arrives, the machines that decide, and `perform`, the only place where anything
 * is done about it.
 */

import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { EngineUuid, MessageId } from '../base/ids.ts'
import { type Logger, RateLimitedWarnings } from '../base/log.ts'
import type { DisconnectedError, ParallelError } from '../errors.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import { PARTS_MARK } from '../protocol/parts-mark.ts'
import { dateNow } from '../protocol/session.ts'
import { withheldFrom } from '../serialize/payload.ts'
import type { PeerEvent, Transport } from '../transport/socket.ts'
import { abortRequests } from './abort-requests.ts'
import { CancelGroups } from './cancel-groups.ts'
import { type Channel, Channels } from './channels.ts'
import { separateReplies } from './coalesced-reply.ts'
import { HeldParts } from './held-parts.ts'
import { Inquiry } from './inquiry.ts'
import { type IopubMessage, readIopub } from './iopub-message.ts'
import { LinkRepair } from './link-repair.ts'
import { readEngineList, readNotification } from './notifications.ts'
import type { Output } from './outputs.ts'
import { parentMessageId } from './parent-id.ts'
import { Presence } from './presence.ts'
import { addRecord, outputCame, RequestRecord, readMetadata, settled } from './request-record.ts'
import type { ResultHost } from './result-host.ts'
import type { GoneReason } from './state/link.ts'
import { Requests, type RequestsEffect, type Route } from './state/requests.ts'
import { Roster, type RosterEffect } from './state/roster.ts'
import type { Outgoing, Submission } from './submission.ts'
import type { Target } from './targets.ts'

/** What the client tells its listeners. */
export type DispatcherEvent =
  | RosterEffect
  | Extract<IopubMessage, { readonly type: 'output' }>
  | { readonly type: 'gone'; readonly reason: GoneReason; readonly error: DisconnectedError }

export interface DispatcherOptions {
  readonly connection: ClientConnection
  /** `tcp://address` of the controller, as it can be reached from here. */
  readonly address: string
  readonly transport: Transport
  readonly clock: Clock
  readonly dateMs: () => number
  readonly log: Logger
  /** How long a lost controller may take to come back. */
  readonly lostPatienceMs: number
  readonly onEvent: (event: DispatcherEvent) => void
}

type Effects = readonly RequestsEffect<RequestRecord, Envelope, Output>[]

export class Dispatcher implements ResultHost {
  readonly clock: Clock
  readonly roster = new Roster()
  readonly #options: DispatcherOptions
  readonly #channels: Channels
  readonly #requests = new Requests<RequestRecord, Envelope, Output>()
  readonly #presence: Presence
  readonly #alarm: Alarm
  readonly #repair: LinkRepair
  readonly #heldParts = new HeldParts()
  readonly #cancelGroups = new CancelGroups((records, reason) => this.cancel(records, reason))
  #listAsks = 0
  #emptied: (() => void)[] = []
  #goneError: DisconnectedError | undefined

  constructor(options: DispatcherOptions) {
    const { clock, connection, address, transport, log } = options
    this.#options = options
    this.clock = clock
    this.#presence = new Presence({
      clock,
      place: `${address}:${connection.registration}`,
      lostPatienceMs: options.lostPatienceMs,
      connect: channel => this.#channels.connect(channel),
      askForEngines: () => this.askForEngines(),
      onGone: (reason, error) => this.#gone(reason, error),
    })
    this.#alarm = new Alarm(clock, () =>
      this.#perform(this.#requests.handle({ type: 'tick' }, clock.nowMs())),
    )
    this.#repair = new LinkRepair({
      clock,
      waiting: () => this.#requests.waiting(),
      isWaiting: msgId => this.#requests.isWaiting(msgId),
      sendAgain: ({ route, engine, sent }) =>
        this.#channels.send(route, route === 'broadcast' ? undefined : engine, sent!),
      answered: (msgId, reply) => this.#answered(msgId, reply, readMetadata(reply).outputs),
      failed: (msgIds, reason) =>
        this.#perform(this.#requests.handle({ type: 'lost', msgIds, reason }, clock.nowMs())),
      question: (type, content) => this.question(type, content),
    })
    this.#channels = new Channels({
      connection,
      address,
      transport,
      warnings: new RateLimitedWarnings(log, () => clock.nowMs()),
      onMessage: (channel, envelope) => this.#received(channel, envelope),
      onPeer: (channel, event) => this.#peer(channel, event),
    })
  }

  dateMs(): number {
    return this.#options.dateMs()
  }

  /** Names this client among those that the hub knows; its requests' ids begin with it. */
  get sessionId(): string {
    return this.#channels.sessionId
  }

  /** Whether anybody ever accepted our connection. */
  get wasReached(): boolean {
    return this.#presence.wasReached
  }

  /** Why nothing can be sent any more; undefined while the controller is there, or may come back. */
  get goneError(): ParallelError | undefined {
    return this.#goneError
  }

  get outstandingCount(): number {
    return this.#requests.size
  }

  /** What was asked of engines and has not ended; questions to the hub and to control are not among it. */
  outstanding(): RequestRecord[] {
    return [...this.#requests.outstanding()].filter(({ route }) => route !== 'hub' && route !== 'control')
  }

  find(msgId: string): RequestRecord | undefined {
    return this.#requests.get(msgId)
  }

  /** Calls back once when no request is outstanding. */
  whenEmpty(wake: () => void): void {
    if (this.#requests.size === 0) wake()
    else this.#emptied.push(wake)
  }

  /** Comes to the cluster, and learns who is there. @throws what the controller is given up for. */
  open(): Promise<void> {
    return this.#presence.open()
  }

  /** Asks the hub who is there. */
  async askForEngines(): Promise<void> {
    this.#listAsks += 1
    const ask = this.#listAsks
    this.roster.handle({ type: 'list_asked', ask })
    const content = await this.ask('hub', 'connection_request', {})
    this.#performRoster(this.roster.handle({ type: 'list', ask, ...readEngineList(content) }))
  }

  /** Sends a question and gives the content of its answer. @throws what the answer says went wrong. */
  async ask(
    route: 'hub' | 'control',
    type: MessageType,
    content: object,
    engine?: EngineUuid,
  ): Promise<Json> {
    return (await this.#inquire(route, type, content, engine)).content
  }

  /** Asks the hub, and gives its whole answer, buffers and all. @throws as `ask`. */
  question(type: MessageType, content: object): Promise<Envelope> {
    return this.#inquire('hub', type, content)
  }

  async #inquire(
    route: 'hub' | 'control',
    type: MessageType,
    content: object,
    engine?: EngineUuid,
  ): Promise<Envelope> {
    const inquiry = new Inquiry()
    this.submit({ route, engine, type, content, owner: inquiry, decode: wholeReply })
    return await inquiry.answer
  }

  /** Sends a request and remembers it. @throws DisconnectedError when there is nobody to send it to. */
  submit(submission: Submission): RequestRecord {
    if (this.#goneError !== undefined) throw this.#goneError
    const { route, engine, type, content, metadata, buffers } = submission
    const msgId = this.#channels.nextMessageId()
    const record = this.#remember(submission, msgId, route, engine)
    if (record.isSettled) return record
    record.sent = { type, msgId, content, metadata, buffers, date: dateNow() }
    this.#channels.send(route, engine, record.sent)
    return record
  }

  /**
   * Sends one message to several engines, and remembers a request for each.
   *
   * @param isCoalescing - whether the scheduler shall gather the replies into one.
   * @throws DisconnectedError when there is nobody to send it to.
   */
  broadcast(outgoing: Outgoing, targets: readonly Target[], isCoalescing: boolean): void {
    if (this.#goneError !== undefined) throw this.#goneError
    const { type, content, buffers, signal } = outgoing
    const msgId = this.#channels.nextMessageId()
    const records = targets.map(({ uuid }) =>
      this.#remember(outgoing, `${msgId}_${uuid}` as MessageId, 'broadcast', uuid),
    )
    if (signal?.aborted === true) return
    const metadata = {
      ...outgoing.metadata,
      targets: targets.map(({ uuid, id }) => [uuid, id]),
      is_broadcast: true,
      is_coalescing: isCoalescing,
    }
    const message = { type, msgId, content, metadata, buffers, date: dateNow() }
    for (const record of records) record.sent = message
    this.#channels.send('broadcast', undefined, message)
  }

  async abort(records: readonly RequestRecord[]): Promise<void> {
    await abortRequests(this, records, false)
  }

  cancel(records: readonly RequestRecord[], reason: unknown, interrupt = true): void {
    const open = records.filter(record => !record.isSettled)
    if (open.length === 0) return
    // Nobody waits for the answers: the requests end here and now.
    abortRequests(this, open, interrupt).catch(() => {})
    const msgIds = open.map(record => record.msgId)
    this.#perform(this.#requests.handle({ type: 'given_up', msgIds, reason }, this.clock.nowMs()))
  }

  /** @throws InvariantError when one of its machines contradicts itself. */
  validate(): void {
    this.#requests.validate()
    this.roster.validate()
  }

  flushed(): Promise<void> {
    return this.#channels.flushed()
  }

  async close(): Promise<void> {
    this.#presence.end('closed')
    await this.#channels.close()
  }

  /** A request that is about to be sent; settled at once when its signal was aborted before, and then not to be sent. */
  #remember(
    outgoing: Outgoing,
    msgId: MessageId,
    route: Route,
    engine: EngineUuid | undefined,
  ): RequestRecord {
    const { type, buffers, owner, decode, signal, firstIndex = 0 } = outgoing
    const record = new RequestRecord({
      msgId,
      route,
      engine,
      endsWithIdle:
        type === 'execute_request' || (type === 'apply_request' && !this.roster.announcesOutputs(engine)),
      owner,
      decode,
      submittedMs: this.#options.dateMs(),
      firstIndex,
      engines: this.roster,
    })
    owner[addRecord](record)
    if (signal !== undefined && !this.#follow(record, signal)) return record
    const parts = buffers === undefined ? undefined : withheldFrom(buffers)
    if (parts !== undefined) this.#heldParts.hold(msgId, parts)
    this.#requests.handle({ type: 'submitted', request: record }, 0)
    return record
  }

  /** Ties a request to a signal. False: it was aborted before, and the request is not to be sent. */
  #follow(record: RequestRecord, signal: AbortSignal): boolean {
    if (!signal.aborted) {
      this.#cancelGroups.join(record, signal)
      return true
    }
    this.#settle(record, { type: 'given_up', reason: signal.reason })
    return false
  }

  #peer(channel: Channel, event: PeerEvent): void {
    if (event.type === 'peer_joined') this.#presence.joined(channel, this.#repair.joined(channel))
    else {
      this.#repair.lost(channel)
      this.#presence.lost(channel, event.cause)
    }
  }

  #received(channel: Channel, envelope: Envelope): void {
    if (channel === 'iopub') this.#output(envelope)
    else if (channel === 'notification') this.#notification(envelope)
    else this.#reply(envelope)
  }

  #reply(envelope: Envelope): void {
    const metadata = readMetadata(envelope)
    const separate =
      metadata.is_coalescing === true ? separateReplies(envelope, envelope.metadata) : undefined
    if (separate !== undefined) {
      for (const { msgId, reply } of separate) this.#answered(msgId, reply, readMetadata(reply).outputs)
      return
    }
    const msgId = parentMessageId(envelope.parentHeaderFrame)
    if (msgId !== undefined) this.#answered(msgId, envelope, metadata.outputs)
  }

  #answered(msgId: string, reply: Envelope, announced: unknown): void {
    const outputs = typeof announced === 'number' ? announced : undefined
    const nowMs = this.clock.nowMs()
    this.#perform(this.#requests.handle({ type: 'replied', msgId, reply, outputs }, nowMs))
  }

  #output(envelope: Envelope): void {
    const message = readIopub(envelope, this.#channels.sessionId)
    if (message === undefined) return
    if (message.type === 'parts_wanted') {
      this.#bringParts(message.engine, message.digests)
      // It counts among the messages that the reply announces.
      const { msgId } = message
      this.#perform(this.#requests.handle({ type: 'status', msgId, idle: false }, this.clock.nowMs()))
      return
    }
    if (message.type === 'output') this.#requests.get(message.msgId)?.heardFrom(message.engineUuid)
    this.#perform(this.#requests.handle(message, this.clock.nowMs()))
    if (message.type === 'output') this.#tell(message)
  }

  #bringParts(engine: EngineUuid, digests: readonly unknown[]): void {
    if (this.#goneError !== undefined) return
    const { content, buffers } = this.#heldParts.answer(digests)
    const inquiry = new Inquiry()
    // An engine that dies meanwhile needs them no more.
    inquiry.answer.catch(() => {})
    this.submit({
      route: 'direct',
      engine,
      type: 'apply_request',
      content,
      metadata: PARTS_MARK,
      buffers,
      owner: inquiry,
      decode: wholeReply,
    })
  }

  #notification(envelope: Envelope): void {
    const event = readNotification(envelope)
    if (event.type === 'shut_down') this.#presence.end('shut_down')
    else this.#performRoster(this.roster.handle(event))
  }

  #perform(effects: Effects): void {
    for (const effect of effects) {
      if (effect.type === 'settle') this.#settle(effect.request, effect.outcome)
      else if (effect.output.type !== 'other') {
        const { request, output } = effect
        request.outputs ??= []
        request.outputs.push(output)
        guarded(() => request.owner[outputCame]?.(request, output))
      }
    }
    this.#alarm.set(this.#requests.wakeAtMs)
    if (this.#requests.size > 0 || this.#emptied.length === 0) return
    const emptied = this.#emptied
    this.#emptied = []
    for (const wake of emptied) wake()
  }

  #settle(record: RequestRecord, outcome: Parameters<RequestRecord['settle']>[0]): void {
    record.settle(outcome, this.#options.dateMs())
    record.group?.delete(record)
    this.#heldParts.release(record.msgId)
    guarded(() => record.owner[settled](record))
  }

  #performRoster(effects: readonly RosterEffect[]): void {
    for (const effect of effects) {
      this.#tell(effect)
      if (effect.type === 'engine_joined') continue
      const { uuid: engine, cause } = effect
      this.#channels.forget(engine)
      this.#perform(this.#requests.handle({ type: 'engine_died', engine, cause }, this.clock.nowMs()))
    }
  }

  /** Nobody is there any more who could answer. */
  #gone(reason: GoneReason, error: DisconnectedError): void {
    this.#goneError = error
    this.#perform(this.#requests.handle({ type: 'disconnected', reason: error }, this.clock.nowMs()))
    this.#alarm.close()
    this.#tell({ type: 'gone', reason, error })
    // Whoever closes it does so himself, and gets what is queued out first.
    if (reason !== 'closed') void this.#channels.close(0)
  }

  #tell(event: DispatcherEvent): void {
    guarded(() => this.#options.onEvent(event))
  }
}

/** A listener that throws must not stop what is left to do: it fails as an uncaught error of its own. */
function guarded(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

function wholeReply(reply: Envelope): Envelope {
  return reply
}
