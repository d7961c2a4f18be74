import type { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import type { ChannelName } from './engine-links.ts'
import type { HubQueries } from './state/hub-queries.ts'
import type { QueueName } from './state/record-entry.ts'
import type { RecordWriter } from './state/records.ts'

export interface RegistrarOptions {
  readonly records: RecordWriter
  readonly queries: HubQueries
  /** Called when a request has its answer, and its record. */
  readonly onFinished: (msgId: string) => void
  /** Tells the hub about the connections of engines. */
  readonly onLinkLost: (engine: string, channel: ChannelName) => void
  readonly onLinkJoined: (engine: string, channel: ChannelName) => void
}

/** What the schedulers tell the hub: what ran, and which engines are connected. */
export class Registrar {
  readonly records: RecordWriter
  readonly #options: RegistrarOptions

  constructor(options: RegistrarOptions) {
    this.records = options.records
    this.#options = options
  }

  /** A request has its answer. */
  finished(
    msgId: string,
    request: Envelope,
    queue: QueueName,
    engine: string | undefined,
    reply: Envelope,
    status: unknown,
  ): void {
    this.records.finished(msgId, request, queue, engine, reply, dateNow())
    if (engine !== undefined && status !== 'aborted') this.#options.queries.completed(engine, msgId)
    this.#options.onFinished(msgId)
  }

  linkLost(engine: string, channel: ChannelName): void {
    this.#options.onLinkLost(engine, channel)
  }

  linkJoined(engine: string, channel: ChannelName): void {
    this.#options.onLinkJoined(engine, channel)
  }
}
