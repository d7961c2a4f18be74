/**
 * What may be asked of the records, and how they answer. Decides from any store that can be read record by record: the
 * one in memory, or a database on a thread of its own. It does not know who asks, nor what the schedulers have in hand:
 * that stands in the question.
 */

import type { HubReplies } from '../../protocol/catalogue.ts'
import type { Json } from '../../protocol/envelope.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import type { Fields } from './query.ts'
import { keyError, pythonRepr } from './wire-error.ts'

/** A question that has been read and found sensible. Plain data: it may be sent to another thread. */
export type RecordQuestion =
  | {
      readonly type: 'results'
      /** Each once, by code point: the order in which buffers are answered. */
      readonly ids: readonly string[]
      /** Those that a scheduler has in hand, or whose output is still under way. */
      readonly pending: readonly string[]
      /** Of these, those that were answered. */
      readonly trailing?: readonly string[]
      readonly statusOnly: boolean
    }
  | { readonly type: 'history' }
  | { readonly type: 'query'; readonly query: Fields; readonly keys: readonly string[] | null }
  /** `engines`: forget all that is completed and ran there. */
  | { readonly type: 'purge'; readonly ids: readonly string[] | 'all'; readonly engines: readonly string[] }
  | { readonly type: 'resubmit'; readonly ids: readonly string[]; readonly newIds: readonly string[] }

/** What is needed of a request to send it again. */
export interface RequestParts {
  readonly header: Json
  readonly metadata: Json
  readonly content: Frame
  readonly buffers: Message
}

export interface RecordAnswer {
  /** Of the reply. */
  readonly content: object
  readonly buffers: Message
  /** Requests to submit again, under a new name. */
  readonly again: readonly { readonly newId: string; readonly request: RequestParts }[]
}

/**
 * How a record stands. `unknown`: there is none, or nothing but output; `lost`: its controller ended while it was under
 * way, and it counts as completed, with an error for its result.
 */
export type Standing = 'unknown' | 'noted' | 'completed' | 'lost'

/** Records, one by one. */
export interface RecordReader {
  standing(msgId: string): Standing
  /** Its fields, without buffers. */
  fields(msgId: string): Fields | undefined
  /** Fields of all that match, in the order in which they were first noted. @throws WireError for an odd query. */
  find(query: Fields): Fields[]
  /** Ids of requests by the time they were submitted. */
  history(): string[]
  requestBuffers(msgId: string): Message
  resultBuffers(msgId: string): Message
  /** Its request, to be sent again; undefined when that was not kept whole. */
  request(msgId: string): RequestParts | undefined
  resubmitted(msgId: string, newId: string): void
  remove(msgId: string): void
  /** @param engines - only what ran there; undefined: everything. */
  removeCompleted(engines: ReadonlySet<string> | undefined): void
}

const OK: RecordAnswer = { content: { status: 'ok' }, buffers: [], again: [] }

/** @throws WireError when the records cannot answer. */
export function answerQuestion(question: RecordQuestion, records: RecordReader): RecordAnswer {
  switch (question.type) {
    case 'results':
      return results(question, records)
    case 'history':
      return { ...OK, content: { status: 'ok', history: records.history() } }
    case 'query':
      return query(question, records)
    case 'purge':
      return purge(question, records)
    case 'resubmit':
      return resubmit(question, records)
  }
}

type Question<Type> = Extract<RecordQuestion, { type: Type }>

function results(question: Question<'results'>, records: RecordReader): RecordAnswer {
  const { trailing = [] } = question
  const inHand = new Set(question.pending)
  const pending: string[] = []
  const completed: string[] = []
  const lost: string[] = []
  for (const id of question.ids) {
    const standing = inHand.has(id) ? 'noted' : records.standing(id)
    if (standing === 'unknown') throw keyError(`No such message: ${id}`)
    if (standing === 'noted') pending.push(id)
    else completed.push(id)
    if (standing === 'lost') lost.push(id)
  }
  const reply: Record<string, unknown> = {
    status: 'ok',
    pending,
    completed,
    ...(lost.length > 0 && { lost }),
    ...(trailing.length > 0 && { trailing }),
  }
  if (question.statusOnly) return { ...OK, content: reply }
  const buffers: Buffer[] = []
  reply.buffer_lens = completed.map(id => {
    reply[id] = resultOf(records.fields(id)!)
    const own = records.resultBuffers(id)
    buffers.push(...own)
    return own.length
  })
  return { ...OK, content: reply, buffers }
}

function query({ query, keys }: Question<'query'>, records: RecordReader): RecordAnswer {
  const found = records.find(query)
  const withBuffers = keys?.includes('buffers') === true
  const withResultBuffers = keys?.includes('result_buffers') === true
  const buffers: Buffer[] = []
  const bufferLens: number[] = []
  const resultBufferLens: number[] = []
  for (const record of withBuffers || withResultBuffers ? found : []) {
    const msgId = record.msg_id as string
    const own = withBuffers ? records.requestBuffers(msgId) : []
    const result = withResultBuffers ? records.resultBuffers(msgId) : []
    bufferLens.push(own.length)
    resultBufferLens.push(result.length)
    buffers.push(...own, ...result)
  }
  const content: HubReplies['db_reply'] = {
    status: 'ok',
    records: keys === null ? found : found.map(record => pick(record, keys)),
    buffer_lens: withBuffers ? bufferLens : null,
    result_buffer_lens: withResultBuffers ? resultBufferLens : null,
  }
  return { ...OK, content, buffers }
}

function purge({ ids, engines }: Question<'purge'>, records: RecordReader): RecordAnswer {
  if (ids === 'all') records.removeCompleted(undefined)
  else for (const id of ids) records.remove(id)
  if (ids !== 'all' && engines.length > 0) records.removeCompleted(new Set(engines))
  return OK
}

function resubmit({ ids, newIds }: Question<'resubmit'>, records: RecordReader): RecordAnswer {
  const missing = ids.filter(id => records.standing(id) === 'unknown')
  if (missing.length > 0) throw keyError(`No such msg(s): ${pythonRepr(missing)}`)
  const requests = ids.map(id => records.request(id))
  const cutShort = ids.filter((_, i) => requests[i] === undefined)
  if (cutShort.length > 0)
    throw keyError(`Too large to be kept, send it again instead: ${pythonRepr(cutShort)}`)
  const resubmitted: Record<string, string> = {}
  const again = ids.map((id, i) => {
    const newId = newIds[i]!
    resubmitted[id] = newId
    records.resubmitted(id, newId)
    return { newId, request: requests[i]! }
  })
  return { ...OK, content: { status: 'ok', resubmitted }, again }
}

function pick(record: Fields, keys: readonly string[]): Fields {
  const picked: Record<string, unknown> = { msg_id: record.msg_id }
  for (const key of keys) if (key !== 'buffers' && key !== 'result_buffers') picked[key] = record[key]
  return picked
}

function resultOf(record: Fields): Fields {
  const { header, metadata, result_metadata, result_header, result_content, received } = record
  const { execute_input, execute_result, error, stdout, stderr } = record
  return {
    header,
    metadata,
    result_metadata,
    result_header,
    result_content,
    received,
    io: { execute_input, execute_result, error, stdout, stderr },
  }
}
