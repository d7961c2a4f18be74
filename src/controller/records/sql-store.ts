import { Worker } from 'node:worker_threads'
import { Alarm } from '../../base/alarm.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { type Deferred, deferred } from '../../base/deferred.ts'
import type { Logger } from '../../base/log.ts'
import type { Envelope, Json } from '../../protocol/envelope.ts'
import { bufferBytes } from '../state/kept-request.ts'
import { OUTPUT_TYPES, type QueueName, withOutput } from '../state/record-entry.ts'
import type { RecordAnswer, RecordQuestion } from '../state/record-questions.ts'
import { WireError } from '../state/wire-error.ts'
import { packBatch, type RecordChange } from './record-batch.ts'
import { MemoryStore, type RecordStore } from './record-store.ts'
import type { SqlLimits } from './sql-records.ts'
import type { FromDatabase, SqlServiceOptions, ToDatabase } from './sql-service.ts'

/** What a database's thread looks like from here; in tests, the other end of a channel will do. */
export interface DatabaseLink {
  post(message: ToDatabase, transfer?: readonly ArrayBuffer[]): void
  listen(onMessage: (message: FromDatabase) => void, onEnd: (error: Error) => void): void
  close(): Promise<void>
}

export interface SqlStoreOptions {
  /** The file; made where it does not exist, for its owner alone. */
  readonly path: string
  /** How many records are kept. Default 100,000. */
  readonly recordsMax?: number | undefined
  /** How many bytes they may hold. Default 1 GiB. */
  readonly bytesMax?: number | undefined
  /** How old they may grow. Default 30 days. */
  readonly ageMaxMs?: number | undefined
  readonly log: Logger
  readonly clock?: Clock
  readonly connect?: (options: SqlServiceOptions) => DatabaseLink
}

const DEFAULTS: SqlLimits = { recordsMax: 100_000, bytesMax: 2 ** 30, ageMaxMs: 30 * 86_400_000 }

/** How long a change may wait for others: what `kill -9` can cost. */
const BATCH_MS = 100
/** Packing this many takes the controller's thread about 2 ms. */
const BATCH_CHANGES = 1024
const BATCH_BYTES = 16 << 20
/** Buffers of one message beyond this are not kept: writing them would hold everybody else up. */
export const MESSAGE_BYTES_MAX = 16 << 20
/** What the disk has not taken yet. Beyond this, batches are not recorded: the controller must not fill up. */
const WAITING_BYTES_MAX = 256 << 20

/**
 * Opens the records of a controller in a database file, on a thread of its own.
 *
 * @returns the store; where the file cannot be used, a warning is logged and the records are in memory.
 */
export async function openSqlStore(options: SqlStoreOptions): Promise<RecordStore> {
  const store = new SqlStore(options)
  await store.opened
  return store
}

/**
 * Gathers what happens and hands it over in batches: nothing here waits for the disk. When the database fails, it says
 * so once and goes on in memory.
 */
class SqlStore implements RecordStore {
  readonly #options: SqlStoreOptions
  readonly #link: DatabaseLink
  readonly #alarm: Alarm
  readonly #clock: Clock
  readonly #opened = deferred<void>()
  readonly #closed = deferred<void>()
  readonly #asked = new Map<number, Deferred<RecordAnswer>>()
  #changes = new Map<string, RecordChange>()
  #bytes = 0
  /** Bytes of each batch that is not stored yet, eldest first. */
  readonly #waiting: number[] = []
  #waitingBytes = 0
  #isBehind = false
  #closing: Promise<void> | undefined
  #isClosed = false
  #nextAsk = 0
  /** Where records go once the database has failed. */
  #memory: MemoryStore | undefined

  constructor(options: SqlStoreOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#alarm = new Alarm(this.#clock, () => this.#flush())
    const { path, connect = startThread } = options
    this.#link = connect({
      path,
      limits: {
        recordsMax: options.recordsMax ?? DEFAULTS.recordsMax,
        bytesMax: options.bytesMax ?? DEFAULTS.bytesMax,
        ageMaxMs: options.ageMaxMs ?? DEFAULTS.ageMaxMs,
      },
    })
    this.#link.listen(
      message => this.#heard(message),
      error => this.#fail('', error.message),
    )
  }

  /** Resolves when it is known where the records go. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  submitted(msgId: string, request: Envelope, queue: QueueName, engine?: string): void {
    if (this.#memory !== undefined) {
      this.#memory.submitted(msgId, request, queue, engine)
      return
    }
    const output = this.#changes.get(msgId)?.output
    const kept = this.#kept(request)
    this.#add({ msgId, request: kept, queue, engine, reply: undefined, received: undefined, output })
  }

  assigned(msgId: string, engine: string): void {
    if (this.#memory === undefined) this.#change(msgId).engine = engine
    else this.#memory.assigned(msgId, engine)
  }

  finished(
    msgId: string,
    request: Envelope,
    queue: QueueName,
    engine: string | undefined,
    reply: Envelope,
    received: string,
  ): void {
    if (this.#memory !== undefined) {
      this.#memory.finished(msgId, request, queue, engine, reply, received)
      return
    }
    const change = this.#change(msgId)
    change.queue = queue
    if (engine !== undefined) change.engine = engine
    change.reply = this.#kept(reply)
    change.received = received
    if (this.#bytes > BATCH_BYTES) this.#flush()
  }

  output(msgId: string, type: string, content: Json): void {
    if (this.#memory !== undefined) {
      this.#memory.output(msgId, type, content)
    } else if (OUTPUT_TYPES.has(type)) {
      const change = this.#change(msgId)
      change.output = withOutput(change.output, type, content)
    }
  }

  ask(question: RecordQuestion): RecordAnswer | Promise<RecordAnswer> {
    if (this.#memory !== undefined) return this.#memory.ask(question)
    // What was noted before stands before the question.
    this.#flush()
    const id = this.#nextAsk
    this.#nextAsk += 1
    const answer = deferred<RecordAnswer>()
    this.#asked.set(id, answer)
    this.#link.post({ type: 'ask', id, question })
    return answer.promise
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#memory === undefined) {
      this.#flush()
      this.#link.post({ type: 'close' })
      await this.#closed.promise
    }
    this.#isClosed = true
    this.#alarm.close()
    await this.#link.close()
  }

  #change(msgId: string): RecordChange {
    const change = this.#changes.get(msgId)
    return change ?? this.#add({ ...NO_CHANGE, msgId })
  }

  #add(change: RecordChange): RecordChange {
    if (this.#changes.size >= BATCH_CHANGES || this.#bytes > BATCH_BYTES) this.#flush()
    if (this.#changes.size === 0) this.#alarm.set(this.#clock.nowMs() + BATCH_MS)
    this.#changes.set(change.msgId, change)
    return change
  }

  #kept(message: Envelope): Envelope {
    const bytes = bufferBytes(message)
    if (bytes > MESSAGE_BYTES_MAX) return message.withoutBuffers()
    this.#bytes += bytes
    return message
  }

  #flush(): void {
    if (this.#changes.size === 0) return
    const changes = this.#changes
    this.#changes = new Map()
    this.#bytes = 0
    this.#alarm.set(Number.POSITIVE_INFINITY)
    if (this.#waitingBytes > WAITING_BYTES_MAX) {
      this.#fallBehind()
      return
    }
    const batch = packBatch(changes.values())
    this.#waiting.push(batch.block.byteLength)
    this.#waitingBytes += batch.block.byteLength
    this.#link.post({ type: 'batch', batch }, [batch.block])
  }

  #fallBehind(): void {
    if (!this.#isBehind)
      this.#options.log.warn(
        `${this.#options.path} cannot be written as fast as tasks end: some of them are not recorded`,
      )
    this.#isBehind = true
  }

  #heard(message: FromDatabase): void {
    switch (message.type) {
      case 'opened':
        this.#opened.resolve()
        break
      case 'stored':
        this.#waitingBytes -= this.#waiting.shift() ?? 0
        if (this.#waiting.length === 0) this.#isBehind = false
        break
      case 'answered':
        this.#settle(message.id, asked => asked.resolve(withBuffers(message.answer)))
        break
      case 'refused':
        this.#settle(message.id, asked => asked.reject(new WireError(message.ename, message.evalue)))
        break
      case 'failed':
        this.#fail(message.code, message.message)
        break
      case 'closed':
        this.#closed.resolve()
        break
    }
  }

  #settle(id: number, settle: (asked: Deferred<RecordAnswer>) => void): void {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    if (asked !== undefined) settle(asked)
  }

  #fail(code: string, message: string): void {
    if (this.#memory !== undefined || this.#isClosed) return
    const { log, path } = this.#options
    const why = whyFailed(code, message)
    log.warn(`the records are kept in memory only, and end with this controller: ${path} ${why}`)
    this.#memory = new MemoryStore()
    this.#changes.clear()
    this.#alarm.close()
    for (const id of [...this.#asked.keys()])
      this.#settle(id, asked => asked.reject(new WireError('RuntimeError', `the database of records ${why}`)))
    this.#opened.resolve()
    this.#closed.resolve()
  }
}

const NO_CHANGE: RecordChange = {
  msgId: '',
  request: undefined,
  queue: undefined,
  engine: undefined,
  reply: undefined,
  received: undefined,
  output: undefined,
}

/** What went wrong with the file, and what to do. */
function whyFailed(code: string, message: string): string {
  if (code.startsWith('SQLITE_BUSY'))
    return 'is in use by another controller: give this one a file of its own with --records-file'
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return 'is damaged or no database of records: move it away, or remove it with `ipcluster clean --records`'
  if (code.startsWith('SQLITE_FULL')) return 'cannot grow, its disk is full: make room and start again'
  return `cannot be used: ${message}`
}

/** Buffers lose their class on the way between threads. */
function withBuffers(answer: RecordAnswer): RecordAnswer {
  return {
    content: answer.content,
    buffers: answer.buffers.map(asBuffer),
    again: answer.again.map(({ newId, request }) => ({
      newId,
      request: {
        ...request,
        content: asBuffer(request.content),
        buffers: request.buffers.map(asBuffer),
      },
    })),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function startThread(options: SqlServiceOptions): DatabaseLink {
  // Compiled code lies beside this file; run from source, so does the source.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./sql-thread.${extension}`, import.meta.url), {
    name: 'itsparallel records',
    workerData: options,
    // Compiled code needs none of this process's own options, and some of them no thread takes.
    ...(extension === 'js' && { execArgv: [] }),
  })
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    listen: (onMessage, onEnd) => {
      worker.on('message', onMessage)
      worker.on('error', onEnd)
      worker.on('exit', () => onEnd(new Error('its thread ended')))
    },
    close: async () => {
      await worker.terminate()
    },
  }
}
