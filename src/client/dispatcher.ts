/**
 * The client's shell: its seven sockets, the machines that decide, and the one place where messages go out.
 */

import { Alarm } from '../base/alarm.ts'
import { assertNever } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import type { EngineId, EngineUuid, MessageId } from '../base/ids.ts'
import { type Logger, RateLimitedWarnings } from '../base/log.ts'
import { DisconnectedError, type ParallelError } from '../errors.ts'
import type { DeathCause, MessageType } from '../protocol/catalogue.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, Message, PeerEvent, Socket, Transport } from '../transport/socket.ts'
import { CancelGroups } from './cancel-groups.ts'
import { Inquiry } from './inquiry.ts'
import { type Output, readOutput } from './outputs.ts'
import { parentMessageId } from './parent-id.ts'
import { addRecord, type Decode, type RecordOwner, RequestRecord, settled } from './request-record.ts'
import type { ResultHost } from './result-host.ts'
import { type GoneReason, Link, type LinkEffect } from './state/link.ts'
import { Requests, type RequestsEffect, type Route } from './state/requests.ts'
import { Roster, type RosterEffect } from './state/roster.ts'

/** What the client tells its listeners. */
export type DispatcherEvent =
  | { readonly type: 'engine_joined'; readonly id: EngineId; readonly uuid: EngineUuid }
  | {
      readonly type: 'engine_left'
      readonly id: EngineId
      readonly uuid: EngineUuid
      readonly cause: DeathCause | undefined
    }
  | {
      readonly type: 'output'
      readonly output: Output
      readonly msgId: string
      readonly engineUuid: EngineUuid | undefined
    }
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

/** One request, as a view wants it sent. */
export interface Submission {
  readonly route: Route
  /** Its target; undefined where a scheduler decides. */
  readonly engine?: EngineUuid | undefined
  readonly type: MessageType
  readonly content?: object
  readonly metadata?: object
  readonly buffers?: Message
  readonly owner: RecordOwner
  readonly decode: Decode
  readonly signal?: AbortSignal | undefined
  /** Position of its first element in the whole sequence of a `map`. */
  readonly firstIndex?: number
}

type RequestChannel = 'registration' | 'control' | 'mux' | 'task' | 'broadcast'
type Channel = RequestChannel | 'notification' | 'iopub'

const CHANNEL_OF: Readonly<Record<Route, RequestChannel>> = {
  direct: 'mux',
  balanced: 'task',
  broadcast: 'broadcast',
  control: 'control',
  hub: 'registration',
}

const REQUEST_CHANNELS: readonly RequestChannel[] = ['control', 'mux', 'task', 'broadcast']

export class Dispatcher implements ResultHost {
  readonly clock: Clock
  readonly roster = new Roster()
  readonly #options: DispatcherOptions
  readonly #session: Session
  readonly #sockets = new Map<Channel, Socket>()
  readonly #requests = new Requests<RequestRecord, Envelope, Output>()
  readonly #link: Link
  readonly #alarm: Alarm
  readonly #warnings: RateLimitedWarnings
  readonly #cancelGroups: CancelGroups
  readonly #uuidFrames = new Map<EngineUuid, Frame>()
  /** Subscriptions that the handshake waits for. */
  readonly #subscribed = new Map<Channel, Deferred<void>>()
  #emptied: (() => void)[] = []
  #goneError: DisconnectedError | undefined
  #registrationJoined = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.clock = options.clock
    this.#session = new Session({ key: options.connection.key })
    this.#link = new Link(options.lostPatienceMs)
    this.#alarm = new Alarm(options.clock, () => this.#tick())
    this.#warnings = new RateLimitedWarnings(options.log, () => options.clock.nowMs())
    this.#cancelGroups = new CancelGroups((records, reason) => this.cancel(records, reason))
  }

  dateMs(): number {
    return this.#options.dateMs()
  }

  get sessionId(): string {
    return this.#session.id
  }

  /** Whether anybody ever accepted our connection. */
  get wasReached(): boolean {
    return this.#registrationJoined
  }

  /** Why nothing can be sent any more; undefined while the controller is there, or may come back. */
  get goneError(): ParallelError | undefined {
    return this.#goneError
  }

  get outstandingCount(): number {
    return this.#requests.size
  }

  outstanding(): RequestRecord[] {
    return [...this.#requests.outstanding()]
  }

  find(msgId: string): RequestRecord | undefined {
    return this.#requests.get(msgId)
  }

  /** Calls back once when no request is outstanding. */
  whenEmpty(wake: () => void): void {
    if (this.#requests.size === 0) wake()
    else this.#emptied.push(wake)
  }

  /**
   * The handshake: registration first, then the other six, and the engines once more, because a notification between the
   * first list and our subscription is lost.
   */
  async open(): Promise<void> {
    this.#connect('registration', 'DEALER')
    await this.askForEngines()
    for (const channel of ['notification', 'iopub'] as const) {
      this.#subscribed.set(channel, deferred())
      this.#connect(channel, 'SUB').subscribe('')
    }
    for (const channel of REQUEST_CHANNELS) this.#connect(channel, 'DEALER')
    await Promise.all([...this.#subscribed.values()].map(({ promise }) => promise))
    await this.askForEngines()
  }

  /** Asks the hub who is there. */
  async askForEngines(): Promise<void> {
    this.roster.handle({ type: 'list_asked' })
    const content = await this.ask('hub', 'connection_request', {})
    const engines = new Map<EngineId, EngineUuid>()
    for (const [id, uuid] of Object.entries((content.engines ?? {}) as Record<string, unknown>))
      engines.set(Number(id) as EngineId, String(uuid) as EngineUuid)
    this.#performRoster(this.roster.handle({ type: 'list', engines }))
  }

  /** Sends a question and gives the content of its answer. @throws what the answer says went wrong. */
  ask(
    route: 'hub' | 'control',
    type: MessageType,
    content: object,
    engine?: EngineUuid,
  ): Promise<Readonly<Record<string, unknown>>> {
    const inquiry = new Inquiry()
    try {
      this.submit({ route, engine, type, content, owner: inquiry, decode: contentOf })
    } catch (error) {
      return Promise.reject(error)
    }
    return inquiry.answer
  }

  /** Sends a request and remembers it. @throws DisconnectedError when there is nobody to send it to. */
  submit(submission: Submission): RequestRecord {
    const record = this.#record(submission, this.#session.nextMessageId())
    if (submission.signal !== undefined && !this.#follow(record, submission.signal)) return record
    const message = this.#session.pack({
      type: submission.type,
      msgId: record.msgId,
      ...(submission.content !== undefined && { content: submission.content }),
      ...(submission.metadata !== undefined && { metadata: submission.metadata }),
      ...(submission.buffers !== undefined && { buffers: submission.buffers }),
    })
    if (record.engine !== undefined) message.unshift(this.#uuidFrame(record.engine))
    this.#requests.handle({ type: 'submitted', request: record }, 0)
    this.#send(CHANNEL_OF[record.route], message)
    return record
  }

  async abort(records: readonly RequestRecord[]): Promise<void> {
    await this.#requestAbort(records, false)
  }

  cancel(records: readonly RequestRecord[], reason: unknown, interrupt = true): void {
    const open = records.filter(record => !record.isSettled)
    if (open.length === 0) return
    // A stock engine ignores the wish to interrupt, and one that died in the meantime needs no telling.
    this.#requestAbort(open, interrupt).catch(() => {})
    const msgIds = open.map(record => record.msgId)
    this.#perform(this.#requests.handle({ type: 'given_up', msgIds, reason }, this.clock.nowMs()))
  }

  async flushed(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map(socket => socket.flushed()))
  }

  /** Resolves when what was sent on the way of `route` is below the socket's high-water mark again. */
  async drained(route: Route): Promise<void> {
    await this.#sockets.get(CHANNEL_OF[route])?.drained()
  }

  async close(): Promise<void> {
    this.#performLink(this.#link.handle({ type: 'closed' }, this.clock.nowMs()))
    await Promise.all([...this.#sockets.values()].map(socket => socket.close()))
  }

  #record(submission: Submission, msgId: MessageId): RequestRecord {
    if (this.#goneError !== undefined) throw this.#goneError
    const record = new RequestRecord({
      msgId,
      route: submission.route,
      engine: submission.engine,
      endsWithIdle: submission.type === 'execute_request',
      owner: submission.owner,
      decode: submission.decode,
      submittedMs: this.#options.dateMs(),
      firstIndex: submission.firstIndex ?? 0,
    })
    submission.owner[addRecord](record)
    return record
  }

  /** Ties a request to a signal. False: it was aborted before, and the request is not to be sent. */
  #follow(record: RequestRecord, signal: AbortSignal): boolean {
    if (!signal.aborted) {
      this.#cancelGroups.join(record, signal)
      return true
    }
    record.settle({ type: 'given_up', reason: signal.reason }, this.#options.dateMs(), this.roster)
    record.owner[settled](record)
    return false
  }

  /** Asks every engine that has or may get one of the requests; load-balanced ones may be anywhere. */
  async #requestAbort(records: readonly RequestRecord[], interrupt: boolean): Promise<void> {
    const byEngine = new Map<EngineUuid, string[]>()
    const everywhere = this.roster.ids.map(id => this.roster.uuidOf(id)!)
    for (const record of records) {
      if (record.route === 'hub' || record.route === 'control') continue
      const engines = record.engine === undefined ? everywhere : [record.engine]
      for (const engine of engines) {
        const msgIds = byEngine.get(engine)
        if (msgIds === undefined) byEngine.set(engine, [record.msgId])
        else msgIds.push(record.msgId)
      }
    }
    await Promise.all(
      [...byEngine].map(([engine, msgIds]) =>
        this.ask(
          'control',
          'abort_request',
          interrupt ? { msg_ids: msgIds, interrupt } : { msg_ids: msgIds },
          engine,
        ),
      ),
    )
  }

  #connect(channel: Channel, type: 'DEALER' | 'SUB'): Socket {
    const { transport, address, connection } = this.#options
    const socket = transport.socket(type, {
      onMessage: frames => this.#received(channel, frames),
      onPeer: event => this.#peer(channel, event),
    })
    this.#sockets.set(channel, socket)
    socket.connect(`${address}:${connection[channel]}`)
    return socket
  }

  #send(channel: RequestChannel, message: Message): void {
    this.#sockets.get(channel)?.send(message)
  }

  #uuidFrame(engine: EngineUuid): Frame {
    let frame = this.#uuidFrames.get(engine)
    if (frame === undefined) {
      frame = Buffer.from(engine)
      this.#uuidFrames.set(engine, frame)
    }
    return frame
  }

  #peer(channel: Channel, event: PeerEvent): void {
    if (event.type === 'peer_joined') this.#subscribed.get(channel)?.resolve()
    // All sockets lead to one process: the first of them speaks for all.
    if (channel !== 'registration') return
    const nowMs = this.clock.nowMs()
    if (event.type === 'peer_left') {
      this.#performLink(this.#link.handle({ type: 'lost', cause: event.cause }, nowMs))
    } else {
      this.#registrationJoined = true
      this.#performLink(this.#link.handle({ type: 'back' }, nowMs))
    }
    this.#wakeLater()
  }

  /** Called by sockets, and therefore must not throw. */
  #received(channel: Channel, frames: Frame[]): void {
    try {
      const envelope = this.#session.open(frames)
      if (typeof envelope === 'string') {
        this.#warnings.warn('a message was refused', { channel, why: envelope })
        return
      }
      if (channel === 'iopub') this.#output(envelope)
      else if (channel === 'notification') this.#notification(envelope)
      else this.#reply(envelope)
    } catch (error) {
      this.#warnings.warn('a message could not be read', { channel, error })
    }
  }

  #reply(envelope: Envelope): void {
    const msgId = parentMessageId(envelope.parentHeaderFrame)
    if (msgId === undefined) return
    const { outputs } = envelope.metadata
    const announced = typeof outputs === 'number' ? outputs : undefined
    const nowMs = this.clock.nowMs()
    this.#perform(
      this.#requests.handle({ type: 'replied', msgId, reply: envelope, outputs: announced }, nowMs),
    )
  }

  #output(envelope: Envelope): void {
    const { parentHeader } = envelope
    const msgId = parentHeader.msg_id
    // Everybody's output comes to everybody: what is not about a request of ours is none of our business.
    if (parentHeader.session !== this.#session.id || msgId === undefined) return
    const nowMs = this.clock.nowMs()
    const { header, content } = envelope
    if (header.msg_type === 'status') {
      const idle = content.execution_state === 'idle'
      this.#perform(this.#requests.handle({ type: 'status', msgId, idle }, nowMs))
      return
    }
    const output = readOutput(header.msg_type, content)
    this.#perform(this.#requests.handle({ type: 'output', msgId, output }, nowMs))
    this.#tell({ type: 'output', output, msgId, engineUuid: header.session as EngineUuid })
  }

  #notification(envelope: Envelope): void {
    const { header, content } = envelope
    switch (header.msg_type) {
      case 'registration_notification':
      case 'unregistration_notification': {
        const engine = { id: Number(content.id) as EngineId, uuid: String(content.uuid) as EngineUuid }
        this.#performRoster(
          header.msg_type === 'registration_notification'
            ? this.roster.handle({ type: 'registered', ...engine })
            : this.roster.handle({
                type: 'unregistered',
                ...engine,
                cause: content.cause as DeathCause | undefined,
              }),
        )
        return
      }
      case 'shutdown_notification':
        this.#performLink(this.#link.handle({ type: 'shut_down' }, this.clock.nowMs()))
        return
      default:
        this.#warnings.warn('an unknown notification was ignored', { type: header.msg_type })
    }
  }

  #tick(): void {
    const nowMs = this.clock.nowMs()
    this.#performLink(this.#link.handle({ type: 'tick' }, nowMs))
    this.#perform(this.#requests.handle({ type: 'tick' }, nowMs))
    this.#wakeLater()
  }

  #wakeLater(): void {
    this.#alarm.set(Math.min(this.#link.wakeAtMs, this.#requests.wakeAtMs))
  }

  #perform(effects: readonly RequestsEffect<RequestRecord, Envelope, Output>[]): void {
    for (const effect of effects) {
      const record = effect.request
      if (effect.type === 'deliver') {
        if (effect.output.type === 'other') continue
        record.outputs ??= []
        record.outputs.push(effect.output)
      } else {
        record.settle(effect.outcome, this.#options.dateMs(), this.roster)
        record.group?.delete(record)
        record.owner[settled](record)
      }
    }
    this.#wakeLater()
    if (this.#requests.size === 0 && this.#emptied.length > 0) {
      const emptied = this.#emptied
      this.#emptied = []
      for (const wake of emptied) wake()
    }
  }

  #performRoster(effects: readonly RosterEffect[]): void {
    for (const effect of effects) {
      this.#tell(effect)
      if (effect.type === 'engine_joined') continue
      const { uuid: engine, cause } = effect
      this.#uuidFrames.delete(engine)
      this.#perform(this.#requests.handle({ type: 'engine_died', engine, cause }, this.clock.nowMs()))
    }
  }

  #performLink(effects: readonly LinkEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'ask_for_engines':
          // Fails only when the controller is given up meanwhile, which everybody is told then.
          this.askForEngines().catch(() => {})
          break
        case 'give_up': {
          const error = this.#describeGone(effect.reason, effect.cause)
          this.#goneError = error
          this.#perform(this.#requests.handle({ type: 'disconnected', reason: error }, this.clock.nowMs()))
          for (const { reject, promise } of this.#subscribed.values()) {
            promise.catch(() => {})
            reject(error)
          }
          this.#tell({ type: 'gone', reason: effect.reason, error })
          if (effect.reason !== 'closed') for (const socket of this.#sockets.values()) void socket.close(0)
          this.#alarm.close()
          break
        }
        default:
          assertNever(effect, 'link effect')
      }
    }
  }

  #describeGone(reason: GoneReason, cause: string | undefined): DisconnectedError {
    const where = `${this.#options.address}:${this.#options.connection.registration}`
    switch (reason) {
      case 'closed':
        return new DisconnectedError('this client was closed; connect a new one')
      case 'shut_down':
        return new DisconnectedError(
          `the controller at ${where} was shut down; start a cluster and connect anew`,
        )
      case 'lost': {
        const seconds = this.#options.lostPatienceMs / 1000
        const why = cause === undefined ? '' : ` (${cause})`
        return new DisconnectedError(
          `the connection to the controller at ${where} was lost${why} and did not come back within ${seconds} s; is the controller still running? Connect anew when it is.`,
        )
      }
      default:
        return assertNever(reason, 'reason')
    }
  }

  /** A listener that throws must not stop the reading of messages: it fails as an uncaught error of its own. */
  #tell(event: DispatcherEvent): void {
    try {
      this.#options.onEvent(event)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}

function contentOf(reply: Envelope): unknown {
  return reply.content
}
