/**
 * How the hub reads questions about the past and present of requests: what the schedulers have in hand it answers by
 * itself, what is about the records becomes a question to them (`record-questions.ts`). It does not know sockets, nor how
 * engines come and go.
 *
 * What makes no sense throws a WireError, which becomes the error reply of that query.
 */

import type { HubReplies, HubRequests } from '../../protocol/catalogue.ts'
import type { Fields } from './query.ts'
import { RECORD_FIELDS } from './record-entry.ts'
import type { RecordQuestion } from './record-questions.ts'
import { keyError, pythonRepr, WireError } from './wire-error.ts'

/** What the schedulers have in hand, as far as the hub may know. */
export interface QueueReader {
  isPending(msgId: string): boolean
  /** Of those that are pending: it was answered, and not all of its output is here. */
  isTrailing(msgId: string): boolean
  /** Direct requests that the engine has not answered. */
  directOf(engine: string): readonly string[]
  /** Balanced tasks that the engine was given and has not finished. */
  tasksOf(engine: string): readonly string[]
  /** Balanced tasks that are with no engine. */
  unassigned(): readonly string[]
}

/** The registered engines: number and uuid. */
export type EngineNumbers = ReadonlyMap<number, string>

/** A reply's content, or what must be asked of the records first. */
export type QueryAnswer =
  | { readonly content: object }
  | {
      readonly question: RecordQuestion
      /** None of these requests has ended, and the answer may wait until one has. */
      readonly mayAwait?: readonly string[]
    }

export interface HubQueriesOptions {
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
  readonly #queues: QueueReader
  readonly #nextMessageId: () => string
  readonly #completed = new Map<string, Completed>()

  constructor(options: HubQueriesOptions) {
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
        return { question: { type: 'history' } }
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
    const ids = [...new Set(readIds(content, 'msg_ids'))].sort()
    const pending = ids.filter(id => this.#queues.isPending(id))
    const trailing = pending.filter(id => this.#queues.isTrailing(id))
    const statusOnly = content.status_only === true
    const question = { type: 'results', ids, pending, trailing, statusOnly } as const
    const mayWait = content.wait === true && ids.length > 0 && pending.length === ids.length
    return mayWait ? { question, mayAwait: ids } : { question }
  }

  #query(content: Fields): QueryAnswer {
    const { query = {}, keys = null } = content
    if (!isFields(query)) throw new WireError('TypeError', 'query must be an object')
    if (keys !== null && !isTextList(keys)) throw new WireError('TypeError', 'keys must be a list of names')
    for (const key of keys ?? []) if (!FIELD_NAMES.has(key)) throw keyError(key)
    return { question: { type: 'query', query, keys } }
  }

  #purge(content: Fields, engines: EngineNumbers): QueryAnswer {
    const { msg_ids: ids = [], engine_ids: engineIds = [] } = content
    if (ids === 'all') return { question: { type: 'purge', ids, engines: [] } }
    const names = readIds(content, 'msg_ids', [])
    const numbers = Array.isArray(engineIds) ? (engineIds as unknown[]) : [engineIds]
    for (const id of names) {
      if (this.#queues.isPending(id)) throw new WireError('IndexError', `msg pending: ${pythonRepr(id)}`)
    }
    const uuids = numbers.map(number => {
      const uuid = engines.get(number as number)
      if (uuid === undefined) throw new WireError('IndexError', `No such engine: ${pythonRepr(number)}`)
      return uuid
    })
    return { question: { type: 'purge', ids: names, engines: uuids } }
  }

  #resubmit(content: Fields): QueryAnswer {
    const ids = readIds(content, 'msg_ids')
    return { question: { type: 'resubmit', ids, newIds: ids.map(this.#nextMessageId) } }
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
