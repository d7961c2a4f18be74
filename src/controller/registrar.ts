import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import type { ChannelName } from './engine-links.ts'
import type { HubQueries } from './state/hub-queries.ts'
import type { QueueName } from './state/record-entry.ts'
import type { RecordWriter } from './state/records.ts'
import type { TrailingOutputs } from './state/trailing-outputs.ts'

export interface RegistrarOptions {
  readonly clock: Clock
  readonly trailing: TrailingOutputs
  readonly records: RecordWriter
  readonly queries: HubQueries
  /** Called when a request has its answer, its outputs, and its record. */
  readonly onFinished: (msgId: string) => void
  /** Tells the hub about the connections of engines. */
  readonly onLinkLost: (engine: string, channel: ChannelName) => void
  readonly onLinkJoined: (engine: string, channel: ChannelName) => void
}

/** What the schedulers tell the hub: what ran, and which engines are connected. */
export class Registrar {
  readonly records: RecordWriter
  readonly #options: RegistrarOptions
  readonly #alarm: Alarm

  constructor(options: RegistrarOptions) {
    const { records, clock, trailing, onFinished } = options
    this.records = records
    this.#options = options
    this.#alarm = new Alarm(clock, () => {
      for (const msgId of trailing.tick(clock.nowMs())) onFinished(msgId)
      this.#alarm.set(trailing.wakeAtMs)
    })
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
    this.#ended(msgId, reply)
  }

  /** One target of a broadcast has answered: there is no record of it. */
  answered(engine: string, msgId: string): void {
    this.#options.queries.completed(engine, msgId)
  }

  /** An output of a request came, and is noted. */
  outputCame(msgId: string): void {
    if (this.#options.trailing.came(msgId)) this.#options.onFinished(msgId)
  }

  close(): void {
    this.#alarm.close()
  }

  #ended(msgId: string, reply: Envelope): void {
    const { trailing, clock, onFinished } = this.#options
    const announced = announcedBy(reply)
    if (trailing.ended(msgId, announced, announced === 0 ? 0 : clock.nowMs())) onFinished(msgId)
    else this.#alarm.set(trailing.wakeAtMs)
  }

  linkLost(engine: string, channel: ChannelName): void {
    this.#options.onLinkLost(engine, channel)
  }

  linkJoined(engine: string, channel: ChannelName): void {
    this.#options.onLinkJoined(engine, channel)
  }
}

/** How many outputs a reply says that there are. Replies of odd peers may have broken metadata. */
function announcedBy(reply: Envelope): unknown {
  try {
    return reply.metadata.outputs
  } catch {
    return undefined
  }
}
