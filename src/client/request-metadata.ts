import type { Output } from './outputs.ts'
import { streamText } from './outputs.ts'
import type { RequestRecord } from './request-record.ts'

/** How a request stands. */
export type RequestStatus = 'pending' | 'ok' | 'error' | 'aborted'

/** What is known about one request of an AsyncResult. Dates are undefined where nobody has said them yet. */
export interface RequestMetadata {
  readonly msgId: string
  /** When it was sent, by our clock. */
  readonly submitted: Date
  /** When the engine began, by its clock. */
  readonly started: Date | undefined
  /** When the engine ended, by its clock. */
  readonly completed: Date | undefined
  /** When its reply came, by our clock. */
  readonly received: Date | undefined
  /** The engine that ran it, or that it was sent to. */
  readonly engineId: number | undefined
  readonly engineUuid: string | undefined
  readonly stdout: string
  readonly stderr: string
  /** Everything that it showed, in order. */
  readonly outputs: readonly Output[]
  readonly status: RequestStatus
  readonly error: Error | undefined
}

/** Made when it is asked for: a task whose metadata nobody reads pays nothing for it. */
export function describeRequest(record: RequestRecord): RequestMetadata {
  const { error } = record
  return {
    msgId: record.msgId,
    submitted: new Date(record.submittedMs),
    started: date(record.startedMs),
    completed: date(record.completedMs),
    received: record.isSettled ? new Date(record.receivedMs) : undefined,
    engineId: record.engineId,
    engineUuid: record.engineUuid,
    stdout: streamText(record.outputs, 'stdout'),
    stderr: streamText(record.outputs, 'stderr'),
    outputs: record.outputs ?? [],
    status: statusOf(record, error),
    error,
  }
}

function statusOf(record: RequestRecord, error: Error | undefined): RequestStatus {
  if (!record.isSettled) return 'pending'
  if (error === undefined) return 'ok'
  return error.name === 'TaskAborted' ? 'aborted' : 'error'
}

function date(ms: number): Date | undefined {
  return Number.isNaN(ms) ? undefined : new Date(ms)
}
