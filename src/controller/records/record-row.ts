/** The table of records, and how a row becomes a record again. */

import { DELIMITER, Envelope } from '../../protocol/envelope.ts'
import type { Message } from '../../transport/socket.ts'
import type { QueueName, RecordEntry } from '../state/record-entry.ts'

/** Small columns first: a search reads them without following a row into the pages of its buffers. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS records (
    n INTEGER PRIMARY KEY,
    msg_id TEXT NOT NULL UNIQUE,
    noted REAL NOT NULL,
    bytes REAL NOT NULL DEFAULT 0,
    submitted REAL,
    completed REAL,
    client_uuid TEXT,
    engine_uuid TEXT,
    queue TEXT,
    resubmitted TEXT,
    received TEXT,
    is_whole INTEGER NOT NULL DEFAULT 0,
    is_lost INTEGER NOT NULL DEFAULT 0,
    header BLOB, metadata BLOB, content BLOB,
    result_header BLOB, result_metadata BLOB, result_content BLOB,
    execute_input TEXT, execute_result TEXT, error TEXT, stdout TEXT, stderr TEXT,
    buffers BLOB, result_buffers BLOB
  )`

/** What a row of the type below holds. */
export const ENTRY_COLUMNS = `msg_id, engine_uuid, queue, resubmitted, received, header, metadata, content, result_header,
  result_metadata, result_content, execute_input, execute_result, error, stdout, stderr`

const NOTHING = Buffer.alloc(0)
export const EMPTY_OBJECT = Buffer.from('{}')

/** A blob comes as a Buffer from `get`, and as an ArrayBuffer from `all` and `iterate`. */
export type Bytes = Uint8Array | ArrayBuffer

export interface Row {
  readonly msg_id: string
  readonly engine_uuid: string | null
  readonly queue: QueueName | null
  readonly resubmitted: string | null
  readonly received: string | null
  readonly header: Bytes | null
  readonly metadata: Bytes
  readonly content: Bytes
  readonly result_header: Bytes | null
  readonly result_metadata: Bytes
  readonly result_content: Bytes
  readonly execute_input: string | null
  readonly execute_result: string | null
  readonly error: string | null
  readonly stdout: string | null
  readonly stderr: string | null
}

export function bufferOf(bytes: Bytes): Buffer {
  return bytes instanceof ArrayBuffer
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A message that can be read, and not sent: its routing and signature were not kept. */
export function envelopeOf(header: Bytes, metadata: Bytes, content: Bytes, buffers: Message = []): Envelope {
  return Envelope.cut([
    DELIMITER,
    NOTHING,
    bufferOf(header),
    EMPTY_OBJECT,
    bufferOf(metadata),
    bufferOf(content),
    ...buffers,
  ])!
}

/** A row as the record that it was. */
export function entryOf(row: Row): RecordEntry {
  const { header, result_header: resultHeader, stdout } = row
  return {
    msgId: row.msg_id,
    request: header === null ? undefined : envelopeOf(header, row.metadata, row.content),
    queue: row.queue ?? undefined,
    engine: row.engine_uuid ?? undefined,
    reply:
      resultHeader === null ? undefined : envelopeOf(resultHeader, row.result_metadata, row.result_content),
    received: row.received ?? undefined,
    resubmitted: row.resubmitted ?? undefined,
    output:
      stdout === null
        ? undefined
        : {
            execute_input: fromJson(row.execute_input),
            execute_result: fromJson(row.execute_result),
            error: fromJson(row.error),
            stdout,
            stderr: row.stderr ?? '',
          },
  }
}

function fromJson(text: string | null): unknown {
  return text === null ? null : JSON.parse(text)
}
