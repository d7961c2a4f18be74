/**
 * What the hub answers to questions about the past and present of requests: queues, results, history, records, purge
 * and resubmission. Decides from the records and from what the schedulers have in hand; it does not know sockets, nor
 * how engines come and go.
 *
 * Every query either gives the content of its reply or throws a WireError, which becomes the error reply of that query.
 */

import type { HubReplies, HubRequests } from '../../protocol/catalogue.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Message } from '../../transport/socket.ts'
import { compileQuery, type Fields } from './query.ts'
import { RECORD_FIELDS, type Records } from './records.ts'
import { keyError, pythonRepr, WireError } from './wire-error.ts'

/** What the schedulers have in hand, as far as the hub may know. */
export interface QueueReader {
  isPending(msgId: string): boolean
  /** Direct requests that the engine has not answered. */
  directOf(engine: string): readonly string[]
  /** Balanced tasks that the engine was given and has not finished. */
  tasksOf(engine: string): readonly string[]
  /** Balanced tasks that are with no engine. */
  unassigned(): readonly string[]
}

/** The registered engines: number and uuid. */
export type EngineNumbers = ReadonlyMap<number, string>

export interface QueryAnswer {
  readonly content: object
  readonly buffers?: Message
  /** Requests to submit again, under a new name. */
  readonly again?: readonly { readonly newId: string; readonly request: Envelope }[]
}

export interface HubQueriesOptions {
  readonly records: Records
  readonly queues: QueueReader
  /** Names a resubmitted request. */
  readonly nextMessageId: () => string
}

/** How many ids of finished requests are listed by name; they are counted without limit. */
const COMPLETED_NAMES_MAX = 1024

interface Completed {
  count: number
  names: string[]
}

export class HubQueries {
  readonly #records: Records
  readonly #queues: QueueReader
  readonly #nextMessageId: () => string
  readonly #completed = new Map<string, Completed>()

  constructor(options: HubQueriesOptions) {
    this.#records = options.records
    this.#queues = options.queues
    this.#nextMessageId = options.nextMessageId
  }

  /** A request ended on an engine; aborted ones are not told. */
  completed(engine: string, msgId: string): void {
    let completed = this.#completed.get(engine)
    if (completed === undefined) {
      completed = { count: 0, names: [] }
      this.#completed.set(engine, completed)
    }
    completed.names[completed.count % COMPLETED_NAMES_MAX] = msgId
    completed.count += 1
  }

  engineGone(engine: string): void {
    this.#completed.delete(engine)
  }

  /** @throws WireError */
  answer(type: HubQueryType, content: Fields, engines: EngineNumbers): QueryAnswer {
    switch (type) {
      case 'queue_request':
        return this.#queue(content, engines)
      case 'load_request':
        return this.#load(content, engines)
      case 'result_request':
        return this.#results(content)
      case 'history_request':
        return { content: { status: 'ok', history: this.#records.history() } }
      case 'db_request':
        return this.#query(content)
      case 'purge_request':
        return this.#purge(content, engines)
      case 'resubmit_request':
        return this.#resubmit(content)
    }
  }

  #queue(content: Fields, engines: EngineNumbers): QueryAnswer {
    const verbose = content.verbose === true
    const shown = (ids: readonly string[]): number | readonly string[] => (verbose ? ids : ids.length)
    const reply: Record<string, unknown> = { status: 'ok' }
    for (const [id, uuid] of readTargets(content, engines)) {
      const completed = this.#completed.get(uuid)
      reply[id] = {
        queue: shown(this.#queues.directOf(uuid)),
        completed: verbose ? namesOf(completed) : (completed?.count ?? 0),
        tasks: shown(this.#queues.tasksOf(uuid)),
      }
    }
    reply.unassigned = shown(this.#queues.unassigned())
    return { content: reply satisfies object as HubReplies['queue_reply'] }
  }

  #load(content: Fields, engines: EngineNumbers): QueryAnswer {
    const reply: Record<string, unknown> = { status: 'ok' }
    for (const [id, uuid] of readTargets(content, engines)) {
      reply[id] = this.#queues.directOf(uuid).length + this.#queues.tasksOf(uuid).length
    }
    return { content: reply }
  }

  #results(content: Fields): QueryAnswer {
    const statusOnly = content.status_only === true
    const pending: string[] = []
    const completed: string[] = []
    for (const id of [...new Set(readIds(content, 'msg_ids'))].sort()) {
      if (this.#queues.isPending(id)) pending.push(id)
      else if (this.#records.isCompleted(id)) completed.push(id)
      else if (this.#records.has(id)) pending.push(id)
      else throw keyError(`No such message: ${id}`)
    }
    const reply: Record<string, unknown> = { status: 'ok', pending, completed }
    if (statusOnly) return { content: reply }
    const buffers: Buffer[] = []
    for (const id of completed) {
      reply[id] = resultOf(this.#records.fields(id)!)
      buffers.push(...this.#records.resultBuffers(id))
    }
    return { content: reply, buffers }
  }

  #query(content: Fields): QueryAnswer {
    const { query = {}, keys = null } = content
    if (!isFields(query)) throw new WireError('TypeError', 'query must be an object')
    if (keys !== null && !isTextList(keys)) throw new WireError('TypeError', 'keys must be a list of names')
    for (const key of keys ?? []) if (!FIELD_NAMES.has(key)) throw keyError(key)
    const matches = compileQuery(query)
    const found = [...this.#records.all()].filter(matches)
    const withBuffers = keys?.includes('buffers') === true
    const withResultBuffers = keys?.includes('result_buffers') === true
    const buffers: Buffer[] = []
    const bufferLens: number[] = []
    const resultBufferLens: number[] = []
    for (const record of found) {
      const msgId = record.msg_id as string
      const requestBuffers = this.#records.requestBuffers(msgId)
      const resultBuffers = this.#records.resultBuffers(msgId)
      bufferLens.push(requestBuffers.length)
      resultBufferLens.push(resultBuffers.length)
      if (withBuffers) buffers.push(...requestBuffers)
      if (withResultBuffers) buffers.push(...resultBuffers)
    }
    const reply: HubReplies['db_reply'] = {
      status: 'ok',
      records: keys === null ? found : found.map(record => pick(record, keys)),
      buffer_lens: withBuffers ? bufferLens : null,
      result_buffer_lens: withResultBuffers ? resultBufferLens : null,
    }
    return { content: reply, buffers }
  }

  #purge(content: Fields, engines: EngineNumbers): QueryAnswer {
    const { msg_ids: ids = [], engine_ids: engineIds = [] } = content
    if (ids === 'all') {
      this.#records.removeWhere(({ msgId, completed }) => completed && !this.#queues.isPending(msgId))
      return { content: { status: 'ok' } }
    }
    const names = readIds(content, 'msg_ids', [])
    const numbers = Array.isArray(engineIds) ? (engineIds as unknown[]) : [engineIds]
    for (const id of names) {
      if (this.#queues.isPending(id)) throw new WireError('IndexError', `msg pending: ${pythonRepr(id)}`)
    }
    const uuids = new Set<string>()
    for (const number of numbers) {
      const uuid = engines.get(number as number)
      if (uuid === undefined) throw new WireError('IndexError', `No such engine: ${pythonRepr(number)}`)
      uuids.add(uuid)
    }
    for (const id of names) this.#records.remove(id)
    if (uuids.size > 0) {
      this.#records.removeWhere(
        ({ engine, completed }) => completed && engine !== undefined && uuids.has(engine),
      )
    }
    return { content: { status: 'ok' } }
  }

  #resubmit(content: Fields): QueryAnswer {
    const ids = readIds(content, 'msg_ids')
    const missing = ids.filter(id => this.#records.request(id) === undefined)
    if (missing.length > 0) throw keyError(`No such msg(s): ${pythonRepr(missing)}`)
    const cutShort = ids.filter(id => !this.#records.isWhole(id))
    if (cutShort.length > 0)
      throw keyError(`Too large to be kept, send it again instead: ${pythonRepr(cutShort)}`)
    const resubmitted: Record<string, string> = {}
    const again = ids.map(id => {
      const newId = this.#nextMessageId()
      resubmitted[id] = newId
      const request = this.#records.request(id)!
      this.#records.resubmitted(id, newId)
      return { newId, request }
    })
    return { content: { status: 'ok', resubmitted }, again }
  }
}

const QUERY_TYPES = [
  'queue_request',
  'load_request',
  'result_request',
  'history_request',
  'db_request',
  'purge_request',
  'resubmit_request',
] as const satisfies readonly (keyof HubRequests)[]

export type HubQueryType = (typeof QUERY_TYPES)[number]

export function isHubQuery(type: string): type is HubQueryType {
  return (QUERY_TYPES as readonly string[]).includes(type)
}

const FIELD_NAMES: ReadonlySet<string> = new Set(RECORD_FIELDS)

/**
 * The engines that `targets` names: null for all, a number, a uuid, or a list of them.
 *
 * @throws WireError
 */
function readTargets(content: Fields, engines: EngineNumbers): [number, string][] {
  if (!Object.hasOwn(content, 'targets')) throw keyError('targets')
  const { targets } = content
  if (targets === null) return [...engines]
  const list = Array.isArray(targets) ? (targets as unknown[]) : [targets]
  if (list.length === 0) throw new WireError('IndexError', 'No Engines Registered')
  const numbers = new Map([...engines].map(([id, uuid]) => [uuid, id]))
  const found: [number, string][] = []
  const missing: unknown[] = []
  for (const target of list) {
    const id = typeof target === 'string' ? numbers.get(target) : (target as number)
    const uuid = id === undefined ? undefined : engines.get(id)
    if (id === undefined || uuid === undefined) missing.push(target)
    else found.push([id, uuid])
  }
  if (missing.length > 0) throw new WireError('IndexError', `No Such Engine: ${pythonRepr(missing)}`)
  return found
}

/** @throws WireError */
function readIds(content: Fields, key: string, absent?: readonly string[]): readonly string[] {
  const ids = content[key]
  if (ids === undefined || ids === null) {
    if (absent !== undefined) return absent
    throw keyError(key)
  }
  if (typeof ids === 'string') return [ids]
  if (!isTextList(ids)) throw new WireError('TypeError', `${key} must be a list of message ids`)
  return ids
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function namesOf(completed: Completed | undefined): readonly string[] {
  if (completed === undefined) return []
  const { names, count } = completed
  const first = count % COMPLETED_NAMES_MAX
  return count <= COMPLETED_NAMES_MAX ? names : [...names.slice(first), ...names.slice(0, first)]
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
