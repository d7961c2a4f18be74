/**
 * One record: the messages of a request as they came, and how they look to a query. Reads them only when it is asked to.
 * It does not know where records are kept.
 */

import type { Envelope, Json } from '../../protocol/envelope.ts'
import { isoDateMicros } from './iso-date.ts'
import type { Fields } from './query.ts'
import type { RequestParts } from './record-questions.ts'

export type QueueName = 'mux' | 'task'

/** One record, as it is kept: the messages as they came. */
export interface RecordEntry {
  readonly msgId: string
  request: Envelope | undefined
  queue: QueueName | undefined
  engine: string | undefined
  reply: Envelope | undefined
  received: string | undefined
  resubmitted: string | undefined
  output: RecordOutput | undefined
}

/** What its engine sent while it ran a request. */
export interface RecordOutput {
  execute_input: unknown
  execute_result: unknown
  error: unknown
  stdout: string
  stderr: string
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

/** Types of output messages that are kept. */
export const OUTPUT_TYPES: ReadonlySet<string> = new Set([
  'stream',
  'execute_input',
  'execute_result',
  'error',
])

/** The output with one message more. */
export function withOutput(before: RecordOutput | undefined, type: string, content: Json): RecordOutput {
  const output = before ?? { execute_input: null, execute_result: null, error: null, stdout: '', stderr: '' }
  if (type === 'stream') {
    const name = content.name === 'stderr' ? 'stderr' : 'stdout'
    if (typeof content.text === 'string' && output[name].length < STREAM_CHARACTERS_MAX) {
      output[name] += content.text
    }
  } else if (type === 'execute_input') output.execute_input = content.code ?? null
  else if (type === 'execute_result') output.execute_result = content
  else output.error = content
  return output
}

/** What a record must hold for its request to be sent again. */
export function partsOf(request: Envelope): RequestParts {
  return {
    header: headerOf(request),
    metadata: read(() => request.metadata),
    content: request.contentFrame,
    buffers: request.buffers,
  }
}

/** When a request says that it was submitted, in microseconds since 1970. */
export function submittedMicros(request: Envelope): number | undefined {
  const { date } = headerOf(request)
  return typeof date === 'string' ? isoDateMicros(date) : undefined
}

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

/** A record as queries see it, without buffers. */
export function fieldsOf(entry: RecordEntry): Fields {
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
