import { randomBytes } from 'node:crypto'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** Number of an engine, counted from 0 by the hub; never given twice in the life of a controller. */
export type EngineId = Branded<number, 'EngineId'>
/** Name of an engine process: its session id and its socket identity at once. */
export type EngineUuid = Branded<string, 'EngineUuid'>
/** Name of a request; replies are matched by it alone. */
export type MessageId = Branded<string, 'MessageId'>
/** Name of one sending peer. */
export type SessionId = Branded<string, 'SessionId'>

/** What message ids and engine uuids may consist of: Python engines paste them into identifiers. */
export const SAFE_ID = /^[A-Za-z0-9_-]+$/

/** A fresh session id: 8 hex digits, a dash, 24 hex digits. */
export function newSessionId(): SessionId {
  const hex = randomBytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8)}` as SessionId
}

/** How the uuids of our engines begin: it tells their language even where a hub of Python's relays nothing else of it. */
const JAVASCRIPT = 'js-'

/**
 * A fresh uuid for an engine of ours, as long as a session id, which it also is.
 *
 * @param job - name of the job that it was started in.
 */
export function newEngineUuid(job = ''): EngineUuid {
  return `${JAVASCRIPT}${newForeignEngineUuid(job).slice(0, -JAVASCRIPT.length)}` as EngineUuid
}

/** How the uuids of engines of another make begin that have a keeper of ours, and do not share a job. */
export const KEPT = 'kept-'

/** As newEngineUuid, for an engine that runs another language. */
export function newForeignEngineUuid(job = ''): EngineUuid {
  return `${job}${newSessionId().slice(job.length)}` as EngineUuid
}

/** A fresh name for a job of several engines: their uuids begin with it, and so tell where they belong. */
export function newJobName(): string {
  return `${randomBytes(5).toString('hex')}-`
}

/** The name of the job that an engine was started in, where it was started in one. */
export function jobOfEngine(uuid: string): string {
  const rest = uuid.startsWith(JAVASCRIPT) ? uuid.slice(JAVASCRIPT.length) : uuid
  return rest.slice(0, rest.indexOf('-') + 1)
}

/** What the uuid of an engine begins with that is one task of a job: `task` is its number there. */
export function taskName(job: string, task: string): string {
  return `${job}t${task}-`
}

/** The number of an engine among the tasks of its job; undefined where it is none that is told by it. */
export function taskOfEngine(uuid: string): string | undefined {
  return /^(?:js-)?[0-9a-f]+-t(\d+)-/.exec(uuid)?.[1]
}

/** The language of an engine that tells nothing but its uuid. */
export function languageByUuid(uuid: string): string {
  return uuid.startsWith(JAVASCRIPT) ? 'javascript' : 'python'
}
