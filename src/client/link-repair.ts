/**
 * What becomes of requests when one of the client's own connections breaks: the request may be lost, or its reply, and
 * nobody can know which.
 *
 * Requests to engines go again in the same bytes and in the order in which they were made: a controller that has them
 * drops them as seen before. A reply that was lost is then asked of the hub. It keeps no record of broadcasts: these fail.
 * Questions, to the hub or the control side of an engine, are asked anew; what must not be done twice fails, too. While a connection is away nothing is given
 * to its socket, so that what was made meanwhile cannot overtake what was lost.
 */

import type { Clock, Millis } from '../base/clock.ts'
import { DisconnectedError, RemoteError } from '../errors.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { dateNow, type OutgoingMessage } from '../protocol/session.ts'
import { type Channel, requestChannelOf } from './channels.ts'
import { readResults, readTrailing, replyOf } from './hub-reply.ts'
import type { RequestRecord } from './request-record.ts'

/** What was sent again arrives meanwhile, on a connection of its own. */
const FIRST_PAUSE_MS: Millis = 100
const PAUSE_MS_MAX: Millis = 1000
/** So long a hub may not know a request that was sent again. */
const UNKNOWN_MS_MAX: Millis = 10_000
const ASKED_AT_ONCE = 100

/** Do no harm when they are done twice. */
const REPEATABLE: ReadonlySet<MessageType> = new Set<MessageType>([
  'connection_request',
  'queue_request',
  'load_request',
  'result_request',
  'history_request',
  'db_request',
  'abort_request',
  'clear_request',
  'kernel_info_request',
  'shutdown_request',
])

/** The client, as far as its connections are mended here. */
export interface RepairHost {
  readonly clock: Clock
  /** Requests without a reply, eldest first. */
  waiting(): Iterable<RequestRecord>
  isWaiting(msgId: string): boolean
  /** Sends what `record.sent` holds. */
  sendAgain(record: RequestRecord): void
  answered(msgId: string, reply: Envelope): void
  failed(msgIds: readonly string[], reason: DisconnectedError): void
  /** @throws RemoteError with what the hub answers that it cannot do. */
  question(type: MessageType, content: object): Promise<Envelope>
}

export class LinkRepair {
  readonly #host: RepairHost
  /** By the connection that is away, what was under way when it broke. */
  readonly #doubtful = new Map<Channel, Set<string>>()

  constructor(host: RepairHost) {
    this.#host = host
  }

  /** A connection broke. */
  lost(channel: Channel): void {
    const doubtful = new Set<string>()
    for (const { msgId } of this.#requestsOn(channel)) doubtful.add(msgId)
    this.#doubtful.set(channel, doubtful)
  }

  /** A connection is there. @returns whether it was there before. */
  joined(channel: Channel): boolean {
    const doubtful = this.#doubtful.get(channel)
    if (doubtful === undefined) return false
    this.#doubtful.delete(channel)
    if (channel === 'mux' || channel === 'task') this.#sendAgain(channel, doubtful)
    else this.#askAnew(channel, doubtful)
    return true
  }

  #requestsOn(channel: Channel): RequestRecord[] {
    return [...this.#host.waiting()].filter(({ route }) => requestChannelOf(route) === channel)
  }

  #sendAgain(channel: Channel, doubtful: ReadonlySet<string>): void {
    for (const record of this.#requestsOn(channel)) this.#host.sendAgain(record)
    const msgIds = [...doubtful].filter(msgId => this.#host.isWaiting(msgId))
    // Whatever else ends it has ended these requests, too.
    if (msgIds.length > 0) this.#askForReplies(msgIds).catch(() => {})
  }

  #askAnew(channel: Channel, doubtful: ReadonlySet<string>): void {
    const lost: string[] = []
    // A broadcast is one message for many requests.
    const done = new Set<OutgoingMessage>()
    for (const record of this.#requestsOn(channel)) {
      const { msgId, sent } = record
      if (sent === undefined || done.has(sent)) continue
      const isDoubtful = doubtful.has(msgId)
      if (isDoubtful && !REPEATABLE.has(sent.type)) {
        lost.push(msgId)
        continue
      }
      done.add(sent)
      // In the same bytes it would be dropped, and its answer not come again.
      if (isDoubtful) record.sent = { ...sent, date: dateNow() }
      this.#host.sendAgain(record)
    }
    const text = 'the connection to the controller broke while it was under way: it may have been done'
    if (lost.length > 0) this.#host.failed(lost, new DisconnectedError(text))
  }

  /** Asks the hub for the replies of requests that have ended; those of others will come by themselves. */
  async #askForReplies(msgIds: readonly string[]): Promise<void> {
    const { clock } = this.#host
    const untilMs = clock.nowMs() + UNKNOWN_MS_MAX
    let open = msgIds
    for (let pauseMs = FIRST_PAUSE_MS; open.length > 0; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      await pause(clock, pauseMs)
      open = open.filter(msgId => this.#host.isWaiting(msgId))
      const again: string[] = []
      for (let at = 0; at < open.length; at += ASKED_AT_ONCE)
        again.push(...(await this.#take(open.slice(at, at + ASKED_AT_ONCE))))
      open = again
      if (open.length > 0 && clock.nowMs() >= untilMs) break
    }
    const text =
      'the connection to the controller broke while it was under way, and the hub has no record of its end: it may have run'
    if (open.length > 0) this.#host.failed(open, new DisconnectedError(text))
  }

  /** @returns those to ask for again: the hub does not know them, or has answered them and waits for their output. */
  async #take(msgIds: readonly string[]): Promise<readonly string[]> {
    try {
      const answer = await this.#host.question('result_request', { msg_ids: msgIds })
      const results = readResults(answer)
      if (results !== undefined) {
        for (const { msgId, found, buffers } of results) this.#host.answered(msgId, replyOf(found, buffers))
        return readTrailing(answer)
      }
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error
      // One that it does not know spoils the question for all.
      if (msgIds.length === 1) return msgIds
    }
    const half = Math.ceil(msgIds.length / 2)
    return [...(await this.#take(msgIds.slice(0, half))), ...(await this.#take(msgIds.slice(half)))]
  }
}

function pause(clock: Clock, ms: Millis): Promise<void> {
  return new Promise(resolve => {
    clock.after(ms, resolve)
  })
}
