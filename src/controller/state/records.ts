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
import { isoDateMicros } from './iso-date.ts'
import { bufferBytes } from './kept-request.ts'
import type { Fields } from './query.ts'

export type QueueName = 'mux' | 'task'

interface Entry {
  readonly msgId: string
  request: Envelope | undefined
  queue: QueueName | undefined
  engine: string | undefined
  reply: Envelope | undefined
  received: string | undefined
  resubmitted: string | undefined
  output: Output | undefined
  bytes: number
}

interface Output {
  execute_input: unknown
  execute_result: unknown
  error: unknown
  stdout: string
  stderr: string
}

export interface RecordsOptions {
  readonly recordsMax?: number
  readonly bufferBytesMax?: number
}

/** Every field of a record, in the order of the original. */
export const RECORD_FIELDS = [
  'msg_id',
  'header',
  'metadata',
  'content',
  'buffers',
  'submitted',
  'client_uuid',
  'engine_uuid',
  'started',
  'completed',
  'resubmitted',
  'received',
  'result_header',
  'result_metadata',
  'result_content',
  'result_buffers',
  'queue',
  'execute_input',
  'execute_result',
  'error',
  'stdout',
  'stderr',
  'label',
] as const

/** What a record's output may take: a program that prints for ever must not fill the controller. */
const STREAM_CHARACTERS_MAX = 1 << 20

const BUFFER_BYTES_MAX = 256 << 20

export class Records {
  readonly #entries = new Map<string, Entry>()
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

  /** Whether its request can be sent again as it was. */
  isWhole(msgId: string): boolean {
    return this.#entries.get(msgId)?.request?.isCutShort === false
  }

  assigned(msgId: string, engine: string): void {
    const entry = this.#entries.get(msgId)
    if (entry !== undefined) entry.engine = engine
  }

  /** @param request - the request again, for when its record was forgotten meanwhile. */
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

  /** A message of an engine's output whose parent is `msgId`. It may come before the request was noted. */
  output(msgId: string, type: string, content: Json): void {
    if (!OUTPUT_TYPES.has(type)) return
    const entry = this.#entry(msgId)
    entry.output ??= { execute_input: null, execute_result: null, error: null, stdout: '', stderr: '' }
    const { output } = entry
    if (type === 'stream') {
      const name = content.name === 'stderr' ? 'stderr' : 'stdout'
      if (typeof content.text === 'string' && output[name].length < STREAM_CHARACTERS_MAX) {
        output[name] += content.text
      }
    } else if (type === 'execute_input') output.execute_input = content.code ?? null
    else if (type === 'execute_result') output.execute_result = content
    else output.error = content
    this.#forget()
  }

  resubmitted(msgId: string, newId: string): void {
    const entry = this.#entries.get(msgId)
    if (entry !== undefined) entry.resubmitted = newId
  }

  has(msgId: string): boolean {
    return this.#entries.get(msgId)?.request !== undefined
  }

  isCompleted(msgId: string): boolean {
    return this.#entries.get(msgId)?.reply !== undefined
  }

  remove(msgId: string): void {
    const entry = this.#entries.get(msgId)
    if (entry === undefined) return
    this.#entries.delete(msgId)
    this.#bytes -= entry.bytes
  }

  removeWhere(drop: (record: RecordSummary) => boolean): void {
    for (const entry of [...this.#entries.values()]) {
      if (drop({ msgId: entry.msgId, engine: entry.engine, completed: entry.reply !== undefined })) {
        this.remove(entry.msgId)
      }
    }
  }

  request(msgId: string): Envelope | undefined {
    return this.#entries.get(msgId)?.request
  }

  resultBuffers(msgId: string): Message {
    return this.#entries.get(msgId)?.reply?.buffers ?? []
  }

  requestBuffers(msgId: string): Message {
    return this.#entries.get(msgId)?.request?.buffers ?? []
  }

  /** The record's fields, without buffers. */
  fields(msgId: string): Fields | undefined {
    const entry = this.#entries.get(msgId)
    return entry === undefined ? undefined : fieldsOf(entry)
  }

  /** All records, in the order in which they were first noted. */
  *all(): Iterable<Fields> {
    for (const entry of this.#entries.values()) yield fieldsOf(entry)
  }

  /** Ids of requests by the time they were submitted. */
  history(): string[] {
    const dated: { msgId: string; at: number }[] = []
    for (const entry of this.#entries.values()) {
      if (entry.request === undefined) continue
      const { date } = headerOf(entry.request)
      dated.push({ msgId: entry.msgId, at: typeof date === 'string' ? (isoDateMicros(date) ?? 0) : 0 })
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

  #entry(msgId: string): Entry {
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

  #setRequest(entry: Entry, request: Envelope): void {
    entry.request = request
    this.#bytes -= entry.bytes
    entry.bytes = 0
    this.#addBytes(entry, bufferBytes(request))
  }

  #addBytes(entry: Entry, bytes: number): void {
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

export interface RecordSummary {
  readonly msgId: string
  readonly engine: string | undefined
  readonly completed: boolean
}

const OUTPUT_TYPES = new Set(['stream', 'execute_input', 'execute_result', 'error'])

/** A part of a signed message that turns out to be broken is shown as if it were not there. */
function read<T>(part: () => T): T | Record<string, never> {
  try {
    return part()
  } catch {
    return {}
  }
}

function headerOf(message: Envelope): Fields {
  return read(() => message.header as unknown as Fields)
}

function fieldsOf(entry: Entry): Fields {
  const { request, reply, output } = entry
  const header = request === undefined ? null : headerOf(request)
  const metadata = request === undefined ? null : read(() => request.metadata as Fields)
  const resultHeader = reply === undefined ? null : headerOf(reply)
  const resultMetadata = reply === undefined ? null : read(() => reply.metadata as Fields)
  return {
    msg_id: entry.msgId,
    header,
    metadata,
    content: request === undefined ? null : read(() => request.content),
    submitted: header?.date ?? null,
    client_uuid: header?.session ?? null,
    engine_uuid: entry.engine ?? null,
    started: resultMetadata?.started ?? null,
    completed: resultHeader?.date ?? null,
    resubmitted: entry.resubmitted ?? null,
    received: entry.received ?? null,
    result_header: resultHeader,
    result_metadata: resultMetadata,
    result_content: reply === undefined ? null : read(() => reply.content),
    queue: entry.queue ?? null,
    execute_input: output?.execute_input ?? null,
    execute_result: output?.execute_result ?? null,
    error: output?.error ?? null,
    stdout: output?.stdout ?? '',
    stderr: output?.stderr ?? '',
    label: metadata?.label ?? null,
  }
}
