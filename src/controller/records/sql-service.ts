/** The database's end of the link between a controller and its records: takes batches, answers questions, in order. */

import type { MessagePort } from 'node:worker_threads'
import { answerQuestion, type RecordAnswer, type RecordQuestion } from '../state/record-questions.ts'
import { WireError } from '../state/wire-error.ts'
import type { RecordBatch } from './record-batch.ts'
import { type SqlLimits, SqlRecords } from './sql-records.ts'

export interface SqlServiceOptions {
  readonly path: string
  readonly limits: SqlLimits
}

export type ToDatabase =
  | { readonly type: 'batch'; readonly batch: RecordBatch }
  | { readonly type: 'ask'; readonly id: number; readonly question: RecordQuestion }
  | { readonly type: 'close' }

export type FromDatabase =
  | { readonly type: 'opened' }
  /** The oldest batch that was not yet stored is. */
  | { readonly type: 'stored' }
  | { readonly type: 'answered'; readonly id: number; readonly answer: RecordAnswer }
  | { readonly type: 'refused'; readonly id: number; readonly ename: string; readonly evalue: string }
  /** The database cannot be used, or no longer: nothing more is stored or answered. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'closed' }

/** Serves one controller until it says `close`. Every message gets one answer, unless the database fails. */
export function serveRecords(port: MessagePort, options: SqlServiceOptions): void {
  const tell = (message: FromDatabase): void => port.postMessage(message)
  let records: SqlRecords | undefined
  const guarded = (use: () => void): void => {
    try {
      use()
    } catch (error) {
      closeQuietly(records)
      records = undefined
      const { code = '', message } = error as { code?: string; message: string }
      tell({ type: 'failed', code, message })
    }
  }
  port.on('message', (message: ToDatabase) => {
    if (message.type === 'close') {
      guarded(() => records?.close())
      tell({ type: 'closed' })
    } else if (records !== undefined) {
      const store = records
      guarded(() => handle(message, store, tell))
    }
  })
  guarded(() => {
    records = new SqlRecords(options.path, options.limits)
    tell({ type: 'opened' })
  })
}

function handle(
  message: Exclude<ToDatabase, { type: 'close' }>,
  records: SqlRecords,
  tell: (message: FromDatabase) => void,
): void {
  if (message.type === 'batch') {
    records.apply(message.batch)
    tell({ type: 'stored' })
    return
  }
  const { id, question } = message
  try {
    tell({ type: 'answered', id, answer: answerQuestion(question, records) })
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    tell({ type: 'refused', id, ename: error.ename, evalue: error.evalue })
  }
}

function closeQuietly(records: SqlRecords | undefined): void {
  try {
    records?.close()
  } catch {
    // It has failed already, and that was told.
  }
}
