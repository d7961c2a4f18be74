/**
 * What ran and what it gave: the records of direct requests and balanced tasks, bounded in number and in bytes.
 *
 * Writing is cheap because a record only holds on to the messages as they came; they are read when somebody asks. It
 * decides what is kept and what is forgotten, and how a record looks to a query. It does not know who asks.
 *
 * Invariants
 * 1. There are at most `recordsMax` records, or the oldest tenth goes; and at most `bufferBytesMax` of buffers, or the
 *    oldest of those that hold much go.
 * 2. A record is whole from the moment its reply is noted, even if it had been forgotten while it was pending.
 */

import { invariant } from '../../base/assert.ts'
import type { Envelope, Json } from '../../protocol/envelope.ts'
import type { Message } from '../../transport/socket.ts'
import { bufferBytes } from './kept-request.ts'
import { compileQuery, type Fields } from './query.ts'
import {
  fieldsOf,
  OUTPUT_TYPES,
  partsOf,
  type QueueName,
  type RecordEntry,
  submittedMicros,
  withOutput,
} from './record-entry.ts'
import type { RecordReader, RequestParts, Standing } from './record-questions.ts'

interface HeldEntry extends RecordEntry {
  bytes: number
}

/** What the schedulers tell the records. */
export interface RecordWriter {
  submitted(msgId: string, request: Envelope, queue: QueueName, engine?: string): void
  assigned(msgId: string, engine: string): void
  /** @param request - the request again, for when its record was forgotten meanwhile. */
  finished(
    msgId: string,
    request: Envelope,
    queue: QueueName,
    engine: string | undefined,
    reply: Envelope,
    received: string,
  ): void
  /** A message of an engine's output whose parent is `msgId`. It may come before the request was noted. */
  output(msgId: string, type: string, content: Json): void
}

export interface RecordsOptions {
  /** How many records are kept. Default 1024. */
  readonly recordsMax?: number | undefined
  /** How many bytes of buffers they may hold. Default 256 MiB. */
  readonly bufferBytesMax?: number | undefined
}

const BUFFER_BYTES_MAX = 256 << 20

export class Records implements RecordWriter, RecordReader {
  readonly #entries = new Map<string, HeldEntry>()
  readonly #recordsMax: number
  readonly #bufferBytesMax: number
  #bytes = 0

  constructor(options: RecordsOptions = {}) {
    this.#recordsMax = options.recordsMax ?? 1024
    this.#bufferBytesMax = options.bufferBytesMax ?? BUFFER_BYTES_MAX
  }

  get size(): number {
    return this.#entries.size
  }

  submitted(msgId: string, request: Envelope, queue: QueueName, engine?: string): void {
    const entry = this.#entry(msgId)
    // The same name again: a new life.
    entry.reply = undefined
    entry.received = undefined
    entry.queue = queue
    entry.engine = engine
    this.#setRequest(entry, request)
    this.#forget()
  }

  assigned(msgId: string, engine: string): void {
    const entry = this.#entries.get(msgId)
    if (entry !== undefined) entry.engine = engine
  }

  finished(
    msgId: string,
    request: Envelope,
    queue: QueueName,
    engine: string | undefined,
    reply: Envelope,
    received: string,
  ): void {
    const entry = this.#entry(msgId)
    // Invariant 2.
    entry.queue = queue
    if (entry.request === undefined) this.#setRequest(entry, request)
    if (engine !== undefined) entry.engine = engine
    entry.reply = reply
    entry.received = received
    this.#addBytes(entry, bufferBytes(reply))
    this.#forget()
  }

  output(msgId: string, type: string, content: Json): void {
    if (!OUTPUT_TYPES.has(type)) return
    const entry = this.#entry(msgId)
    entry.output = withOutput(entry.output, type, content)
    this.#forget()
  }

  resubmitted(msgId: string, newId: string): void {
    const entry = this.#entries.get(msgId)
    if (entry !== undefined) entry.resubmitted = newId
  }

  standing(msgId: string): Standing {
    const entry = this.#entries.get(msgId)
    if (entry?.request === undefined) return 'unknown'
    return entry.reply === undefined ? 'noted' : 'completed'
  }

  remove(msgId: string): void {
    const entry = this.#entries.get(msgId)
    if (entry === undefined) return
    this.#entries.delete(msgId)
    this.#bytes -= entry.bytes
  }

  removeCompleted(engines: ReadonlySet<string> | undefined): void {
    for (const { msgId, engine, reply } of [...this.#entries.values()]) {
      const isMeant = engines === undefined || (engine !== undefined && engines.has(engine))
      if (isMeant && reply !== undefined) this.remove(msgId)
    }
  }

  request(msgId: string): RequestParts | undefined {
    const request = this.#entries.get(msgId)?.request
    return request === undefined || request.isCutShort ? undefined : partsOf(request)
  }

  resultBuffers(msgId: string): Message {
    return this.#entries.get(msgId)?.reply?.buffers ?? []
  }

  requestBuffers(msgId: string): Message {
    return this.#entries.get(msgId)?.request?.buffers ?? []
  }

  fields(msgId: string): Fields | undefined {
    const entry = this.#entries.get(msgId)
    return entry === undefined ? undefined : fieldsOf(entry)
  }

  find(query: Fields): Fields[] {
    const matches = compileQuery(query)
    return [...this.#entries.values()].map(fieldsOf).filter(matches)
  }

  history(): string[] {
    const dated: { msgId: string; at: number }[] = []
    for (const entry of this.#entries.values()) {
      if (entry.request === undefined) continue
      dated.push({ msgId: entry.msgId, at: submittedMicros(entry.request) ?? 0 })
    }
    return dated.sort((a, b) => a.at - b.at).map(({ msgId }) => msgId)
  }

  validate(): void {
    let bytes = 0
    for (const [msgId, entry] of this.#entries) {
      invariant(msgId === entry.msgId, `the record of ${msgId} lies in a wrong place`)
      bytes += entry.bytes
    }
    invariant(bytes === this.#bytes, 'the bytes of the records do not add up')
    invariant(this.#entries.size <= this.#recordsMax, 'too many records are kept')
  }

  #entry(msgId: string): HeldEntry {
    let entry = this.#entries.get(msgId)
    if (entry === undefined) {
      entry = {
        msgId,
        request: undefined,
        queue: undefined,
        engine: undefined,
        reply: undefined,
        received: undefined,
        resubmitted: undefined,
        output: undefined,
        bytes: 0,
      }
      this.#entries.set(msgId, entry)
    }
    return entry
  }

  #setRequest(entry: HeldEntry, request: Envelope): void {
    entry.request = request
    this.#bytes -= entry.bytes
    entry.bytes = 0
    this.#addBytes(entry, bufferBytes(request))
  }

  #addBytes(entry: HeldEntry, bytes: number): void {
    entry.bytes += bytes
    this.#bytes += bytes
  }

  /** Invariant 1. */
  #forget(): void {
    if (this.#entries.size > this.#recordsMax) {
      let left = Math.max(1, Math.floor(this.#entries.size / 10))
      for (const msgId of this.#entries.keys()) {
        if (left === 0) break
        left -= 1
        this.remove(msgId)
      }
    }
    // What holds less than a record's fair share would free nothing worth forgetting it for.
    const share = this.#bufferBytesMax / this.#recordsMax
    if (this.#bytes > this.#bufferBytesMax) this.#forgetHolding(share)
    if (this.#bytes > this.#bufferBytesMax) this.#forgetHolding(0)
  }

  /** Forgets the oldest of those that hold more than `bytes`, until there is room. */
  #forgetHolding(bytes: number): void {
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#bufferBytesMax) return
      if (entry.bytes > bytes) this.remove(entry.msgId)
    }
  }
}
