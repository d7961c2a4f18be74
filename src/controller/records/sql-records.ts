/**
 * Records in a database file of their own, for one process at a time. Lives on the database's thread and waits for the
 * disk; the controller's never does.
 *
 * Invariants
 * 1. A batch is stored whole or not at all. After `kill -9` the file is as the last whole batch left it (write-ahead log).
 * 2. What is under way is never forgotten for want of room; what has ended goes, oldest first.
 * 3. Answers are those of the records in memory: rows become the same entries, and the same code reads them. SQL only
 *    leaves out rows that cannot match.
 */

import { chmodSync, closeSync, fstatSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { makePrivateDirectory } from '../../config/profile.ts'
import type { Message } from '../../transport/socket.ts'
import { compileQuery, type Fields } from '../state/query.ts'
import { fieldsOf, partsOf, submittedMicros } from '../state/record-entry.ts'
import type { RecordReader, RequestParts, Standing } from '../state/record-questions.ts'
import { lostReply } from './lost-reply.ts'
import {
  type PackedChange,
  type PackedMessage,
  packBuffers,
  type RecordBatch,
  unpackBatch,
  unpackBuffers,
} from './record-batch.ts'
import {
  type Bytes,
  bufferOf,
  EMPTY_OBJECT,
  ENTRY_COLUMNS,
  entryOf,
  envelopeOf,
  type Row,
  SCHEMA,
} from './record-row.ts'
import { sqlFilter } from './sql-filter.ts'

/** How much is kept. */
export interface SqlLimits {
  readonly recordsMax: number
  readonly bytesMax: number
  readonly ageMaxMs: number
}

const FORMAT = 1

/** A request begins a new life of its name, and may have ended in the same batch. */
const REQUEST_COLUMNS = [
  'bytes',
  'submitted',
  'client_uuid',
  'engine_uuid',
  'queue',
  'is_whole',
  'header',
  'metadata',
  'content',
  'buffers',
  'completed',
  'received',
  'result_header',
  'result_metadata',
  'result_content',
  'result_buffers',
] as const

const BEGIN_RECORD = `
  INSERT INTO records (msg_id, noted, ${REQUEST_COLUMNS.join(', ')})
    VALUES (?, ?${', ?'.repeat(REQUEST_COLUMNS.length)})
  ON CONFLICT (msg_id) DO UPDATE SET is_lost = 0,
    ${REQUEST_COLUMNS.map(name => `${name} = excluded.${name}`).join(', ')}`

const OLDEST_AT_ONCE = 256
const ENDED = '(result_header IS NOT NULL OR header IS NULL)'
const OLDEST = `SELECT n, bytes, noted FROM records WHERE ${ENDED} AND n > ? ORDER BY n LIMIT ?`
const STREAM_CHARACTERS_MAX = 1 << 20

type Value = string | number | Buffer | null
type Statement = Database.Statement<unknown[]>

/** See the head of this file. */
export class SqlRecords implements RecordReader {
  readonly #database: InstanceType<typeof Database>
  readonly #statements = new Map<string, Statement>()
  readonly #limits: SqlLimits
  readonly #nowMs: () => number
  #count: number
  #bytes: number

  /**
   * Opens the file, or makes it, so that nobody else may read it. What was under way when it was last used is lost, and
   * says so from now on.
   *
   * @throws Error of the database, with its `code`, when it cannot be used.
   */
  constructor(path: string, limits: SqlLimits, nowMs: () => number = Date.now) {
    makePrivateFile(path)
    this.#limits = limits
    this.#nowMs = nowMs
    this.#database = new Database(path)
    // An exclusive lock: two controllers would each forget what the other one keeps.
    for (const setting of ['locking_mode = EXCLUSIVE', 'journal_mode = WAL', 'synchronous = NORMAL'])
      this.#database.prepare(`PRAGMA ${setting}`).all()
    this.#checkFormat()
    this.#database.exec(SCHEMA)
    const { count, bytes } = this.#get('SELECT count(*) AS count, total(bytes) AS bytes FROM records') as {
      count: number
      bytes: number
    }
    this.#count = count
    this.#bytes = bytes
    this.#transaction(() => {
      this.#markLost()
      this.#forget()
    })
  }

  /** Invariant 1. @throws Error of the database. */
  apply(batch: RecordBatch): void {
    this.#transaction(() => {
      for (const change of unpackBatch(batch)) this.#change(change)
      this.#forget()
    })
  }

  standing(msgId: string): Standing {
    const row = this.#get(
      'SELECT header IS NOT NULL AS noted, result_header IS NOT NULL AS completed, is_lost FROM records WHERE msg_id = ?',
      msgId,
    ) as { noted: number; completed: number; is_lost: number } | undefined
    if (row === undefined || row.noted === 0) return 'unknown'
    if (row.is_lost === 1) return 'lost'
    return row.completed === 1 ? 'completed' : 'noted'
  }

  fields(msgId: string): Fields | undefined {
    const row = this.#get(`SELECT ${ENTRY_COLUMNS} FROM records WHERE msg_id = ?`, msgId) as Row | undefined
    return row === undefined ? undefined : fieldsOf(entryOf(row))
  }

  find(query: Fields): Fields[] {
    const matches = compileQuery(query)
    const { where, values } = sqlFilter(query)
    const rows = this.#database
      .prepare(`SELECT ${ENTRY_COLUMNS} FROM records WHERE ${where} ORDER BY n`)
      .iterate(...values)
    const found: Fields[] = []
    for (const row of rows as Iterable<Row>) {
      const fields = fieldsOf(entryOf(row))
      if (matches(fields)) found.push(fields)
    }
    return found
  }

  history(): string[] {
    const rows = this.#prepared(
      'SELECT msg_id FROM records WHERE header IS NOT NULL ORDER BY coalesce(submitted, 0), n',
    ).all() as { msg_id: string }[]
    return rows.map(row => row.msg_id)
  }

  requestBuffers(msgId: string): Message {
    return this.#buffers('buffers', msgId)
  }

  resultBuffers(msgId: string): Message {
    return this.#buffers('result_buffers', msgId)
  }

  request(msgId: string): RequestParts | undefined {
    const row = this.#get(
      'SELECT header, metadata, content, buffers FROM records WHERE msg_id = ? AND is_whole = 1',
      msgId,
    ) as { header: Buffer; metadata: Buffer; content: Buffer; buffers: Buffer } | undefined
    if (row === undefined) return undefined
    return partsOf(envelopeOf(row.header, row.metadata, row.content, unpackBuffers(row.buffers)))
  }

  resubmitted(msgId: string, newId: string): void {
    this.#run('UPDATE records SET resubmitted = ? WHERE msg_id = ?', newId, msgId)
  }

  remove(msgId: string): void {
    this.#remove('msg_id = ?', msgId)
  }

  removeCompleted(engines: ReadonlySet<string> | undefined): void {
    if (engines === undefined) this.#remove('result_header IS NOT NULL')
    else for (const engine of engines) this.#remove('result_header IS NOT NULL AND engine_uuid = ?', engine)
  }

  /** Leaves one file behind, with everything in it. */
  close(): void {
    this.#letGo()
    this.#database.close()
  }

  /** Gives the lock up, which closing alone does only some time later: at the next look at the file. */
  #letGo(): void {
    for (const sql of [
      'PRAGMA journal_mode = DELETE',
      'PRAGMA locking_mode = NORMAL',
      'SELECT 1 FROM records LIMIT 1',
    ])
      this.#database.prepare(sql).all()
  }

  #change(change: PackedChange): void {
    const { msgId, engine, request, reply, output } = change
    if (request !== undefined) this.#begin(change, request)
    else if (reply !== undefined) this.#end(change, reply)
    else if (engine !== undefined)
      this.#run('UPDATE records SET engine_uuid = ? WHERE msg_id = ?', engine, msgId)
    if (output !== undefined) this.#addOutput(msgId, output)
  }

  #begin({ msgId, queue, engine, reply, received }: PackedChange, request: PackedMessage): void {
    const envelope = envelopeOf(request.header, request.metadata, request.content)
    const { session } = partsOf(envelope).header
    const bytes = bytesOf(request) + (reply === undefined ? 0 : bytesOf(reply))
    const values: Record<(typeof REQUEST_COLUMNS)[number], Value> = {
      bytes,
      submitted: submittedMicros(envelope) ?? null,
      client_uuid: typeof session === 'string' ? session : null,
      engine_uuid: engine ?? null,
      queue: queue ?? null,
      is_whole: request.isCutShort ? 0 : 1,
      header: bufferOf(request.header),
      metadata: bufferOf(request.metadata),
      content: bufferOf(request.content),
      buffers: packBuffers(request.buffers),
      ...replyColumns(reply, received),
    }
    this.#run(BEGIN_RECORD, msgId, this.#nowMs(), ...REQUEST_COLUMNS.map(name => values[name]))
    this.#count += 1
    this.#bytes += bytes
  }

  #end({ msgId, queue, engine, received }: PackedChange, reply: PackedMessage): void {
    const columns = replyColumns(reply, received)
    const bytes = bytesOf(reply)
    this.#run(
      `UPDATE records SET bytes = bytes + ?, queue = ?, engine_uuid = coalesce(?, engine_uuid), completed = ?,
         received = ?, result_header = ?, result_metadata = ?, result_content = ?, result_buffers = ?, is_lost = 0
       WHERE msg_id = ?`,
      bytes,
      queue ?? null,
      engine ?? null,
      columns.completed,
      columns.received,
      columns.result_header,
      columns.result_metadata,
      columns.result_content,
      columns.result_buffers,
      msgId,
    )
    this.#bytes += bytes
  }

  #addOutput(msgId: string, output: NonNullable<PackedChange['output']>): void {
    const bytes = 2 * (output.stdout.length + output.stderr.length)
    this.#run(
      `INSERT INTO records (msg_id, noted, bytes, execute_input, execute_result, error, stdout, stderr)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (msg_id) DO UPDATE SET
         bytes = bytes + excluded.bytes,
         execute_input = coalesce(excluded.execute_input, execute_input),
         execute_result = coalesce(excluded.execute_result, execute_result),
         error = coalesce(excluded.error, error),
         stdout = CASE WHEN length(coalesce(stdout, '')) < ${STREAM_CHARACTERS_MAX}
           THEN coalesce(stdout, '') || excluded.stdout ELSE stdout END,
         stderr = CASE WHEN length(coalesce(stderr, '')) < ${STREAM_CHARACTERS_MAX}
           THEN coalesce(stderr, '') || excluded.stderr ELSE stderr END`,
      msgId,
      this.#nowMs(),
      bytes,
      jsonOf(output.execute_input),
      jsonOf(output.execute_result),
      jsonOf(output.error),
      output.stdout,
      output.stderr,
    )
    this.#count += 1
    this.#bytes += bytes
  }

  /** What nobody will answer any more gets an error for an answer, so that whoever asks does not wait for ever. */
  #markLost(): void {
    const rows = this.#prepared(
      'SELECT msg_id, header, engine_uuid FROM records WHERE header IS NOT NULL AND result_header IS NULL',
    ).all() as { msg_id: string; header: Bytes; engine_uuid: string | null }[]
    for (const { msg_id: msgId, header, engine_uuid: engine } of rows) {
      const reply = lostReply(msgId, envelopeOf(header, EMPTY_OBJECT, EMPTY_OBJECT), engine, this.#nowMs())
      this.#run(
        `UPDATE records SET is_lost = 1, completed = ?, received = ?, result_header = ?, result_metadata = ?,
           result_content = ?, result_buffers = ? WHERE msg_id = ?`,
        submittedMicros(reply) ?? null,
        reply.header.date,
        reply.headerFrame,
        reply.metadataFrame,
        reply.contentFrame,
        packBuffers([]),
        msgId,
      )
    }
  }

  /** Invariant 2. Looks only at what must go, and at what is under way among it. */
  #forget(): void {
    const { recordsMax, bytesMax, ageMaxMs } = this.#limits
    // Names used again were counted twice.
    if (this.#count > recordsMax)
      this.#count = (this.#get('SELECT count(*) AS count FROM records') as { count: number }).count
    let records = this.#count > recordsMax ? this.#count - recordsMax + Math.floor(recordsMax / 10) : 0
    let bytes = this.#bytes > bytesMax ? this.#bytes - bytesMax * 0.9 : 0
    const untilMs = this.#nowMs() - ageMaxMs
    let last = 0
    for (;;) {
      // Read whole: a search that is left in the middle keeps its view of the file, and the log could never be shortened.
      const some = records > 0 || bytes > 0 || last > 0 ? OLDEST_AT_ONCE : 1
      const oldest = this.#prepared(OLDEST).all(last, some) as { n: number; bytes: number; noted: number }[]
      const going = oldest.filter(row => {
        const goes = records > 0 || bytes > 0 || row.noted < untilMs
        records -= 1
        bytes -= row.bytes
        return goes
      })
      last = going.at(-1)?.n ?? last
      if (going.length < oldest.length || oldest.length === 0) break
    }
    if (last > 0) this.#remove(`n <= ? AND ${ENDED}`, last)
  }

  #remove(where: string, ...values: Value[]): void {
    const rows = this.#prepared(`DELETE FROM records WHERE ${where} RETURNING bytes`).all(...values)
    for (const { bytes } of rows as { bytes: number }[]) this.#bytes -= bytes
    this.#count -= rows.length
  }

  #buffers(column: 'buffers' | 'result_buffers', msgId: string): Message {
    const row = this.#get(`SELECT ${column} AS packed FROM records WHERE msg_id = ?`, msgId)
    return unpackBuffers((row as { packed: Buffer | null } | undefined)?.packed ?? null)
  }

  #checkFormat(): void {
    const { user_version: format } = this.#get('PRAGMA user_version') as { user_version: number }
    if (format === 0) this.#database.exec(`PRAGMA user_version = ${FORMAT}`)
    else if (format !== FORMAT) {
      this.#database.close()
      throw new Error(`it has format ${format}, and this version of itsparallel writes format ${FORMAT}`)
    }
  }

  #transaction(change: () => void): void {
    this.#database.exec('BEGIN')
    try {
      change()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #get(sql: string, ...values: Value[]): unknown {
    return this.#prepared(sql).get(...values)
  }

  #run(sql: string, ...values: Value[]): void {
    this.#prepared(sql).run(...values)
  }
}

/** What SQLite makes beside it gets the same rights. */
function makePrivateFile(path: string): void {
  makePrivateDirectory(dirname(path))
  const file = openSync(path, 'a', 0o600)
  const isOpenToOthers = (fstatSync(file).mode & 0o077) !== 0
  closeSync(file)
  if (isOpenToOthers) chmodSync(path, 0o600)
}

function replyColumns(reply: PackedMessage | undefined, received: string | undefined) {
  if (reply === undefined) {
    return {
      completed: null,
      received: null,
      result_header: null,
      result_metadata: null,
      result_content: null,
      result_buffers: null,
    }
  }
  return {
    completed: submittedMicros(envelopeOf(reply.header, reply.metadata, reply.content)) ?? null,
    received: received ?? null,
    result_header: bufferOf(reply.header),
    result_metadata: bufferOf(reply.metadata),
    result_content: bufferOf(reply.content),
    result_buffers: packBuffers(reply.buffers),
  }
}

function bytesOf({ header, metadata, content, buffers }: PackedMessage): number {
  let bytes = header.length + metadata.length + content.length
  for (const buffer of buffers) bytes += buffer.length
  return bytes
}

function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
