/** What a client can ask the hub about requests, its own and those of others. */

import { UsageError } from '../errors.ts'
import type { AsyncResult } from './async-result.ts'
import type { Dispatcher } from './dispatcher.ts'
import { hubResult, refusal } from './hub-result.ts'
import { readTaskRecords, type TaskQuery, type TaskRecord, wireName, wireQuery } from './task-record.ts'

/** A request, by its id, its result, or its place in this client's history: `-1` is the last that it made. */
export type Job = AsyncResult<unknown> | string | number

/** How requests stand, by their ids. */
export interface ResultStatus {
  readonly pending: readonly string[]
  /** Those that have ended, well or not. */
  readonly completed: readonly string[]
  /** Of the completed ones, those that the controller's own end cut short. */
  readonly lost: readonly string[]
}

/** See `Client.getResult`. */
export function getResult(host: Dispatcher, jobs: Job | readonly Job[]): AsyncResult<unknown> {
  const single = isSingle(jobs)
  return hubResult(host, 'getResult', known(jobs) ?? idsOf(host, jobs), single)
}

/** See `Client.resubmit`. */
export function resubmit(host: Dispatcher, jobs: Job | readonly Job[]): AsyncResult<unknown> {
  const again = async (): Promise<readonly string[]> => {
    const ids = known(jobs) ?? (await idsOf(host, jobs))
    const content = await asked(host.ask('hub', 'resubmit_request', { msg_ids: ids }))
    const fresh = content.resubmitted as Readonly<Record<string, string>>
    return ids.map(id => fresh[id]!)
  }
  return hubResult(host, 'resubmit', again(), isSingle(jobs))
}

/** See `Client.resultStatus`. */
export async function resultStatus(host: Dispatcher, jobs: Job | readonly Job[]): Promise<ResultStatus> {
  const ids = known(jobs) ?? (await idsOf(host, jobs))
  const content = await asked(host.ask('hub', 'result_request', { msg_ids: ids, status_only: true }))
  const { pending, completed, lost = [] } = content as unknown as ResultStatus & { lost?: readonly string[] }
  return { pending, completed, lost }
}

/** See `Client.hubHistory`. */
export async function hubHistory(host: Dispatcher): Promise<string[]> {
  return (await asked(host.ask('hub', 'history_request', {}))).history as string[]
}

/** See `Client.dbQuery`. */
export async function dbQuery(
  host: Dispatcher,
  query: TaskQuery,
  keys: readonly (keyof TaskRecord)[] | undefined,
): Promise<TaskRecord[]> {
  const request = { query: wireQuery(query), keys: keys?.map(wireName) ?? null }
  const { content, buffers } = await asked(host.question('db_request', request))
  return readTaskRecords(content, buffers)
}

/** See `Client.purgeResults`. */
export async function purgeResults(
  host: Dispatcher,
  jobs: Job | readonly Job[] | 'all',
  engines: readonly number[],
): Promise<void> {
  const ids = jobs === 'all' ? jobs : (known(jobs) ?? (await idsOf(host, jobs)))
  await asked(host.ask('hub', 'purge_request', { msg_ids: ids, engine_ids: engines }))
}

async function asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (error) {
    throw refusal(error)
  }
}

function listOf(jobs: Job | readonly Job[]): readonly Job[] {
  return Array.isArray(jobs) ? jobs : [jobs as Job]
}

function isSingle(jobs: Job | readonly Job[]): boolean {
  if (typeof jobs === 'string' || typeof jobs === 'number') return true
  return !Array.isArray(jobs) && (jobs as AsyncResult<unknown>).msgIds.length === 1
}

/** The ids, where no place in the history must be looked up first. */
function known(jobs: Job | readonly Job[]): string[] | undefined {
  const list = listOf(jobs)
  if (list.some(job => typeof job === 'number')) return undefined
  return list.flatMap(job => (typeof job === 'string' ? job : (job as AsyncResult<unknown>).msgIds))
}

/** @throws UsageError when this client has not made so many requests that the hub remembers. */
async function idsOf(host: Dispatcher, jobs: Job | readonly Job[]): Promise<string[]> {
  const own = (await hubHistory(host)).filter(id => id.startsWith(`${host.sessionId}_`))
  return listOf(jobs).flatMap(job => {
    if (typeof job !== 'number') return known(job)!
    const id = own.at(job)
    if (id === undefined)
      throw new UsageError(
        `there is no request ${job}: the hub remembers ${own.length} of this client. Give its id instead`,
      )
    return id
  })
}
