import type { AsyncResult } from './async-result.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { RequestRecord } from './request-record.ts'

/** What `wait` and `abort` take: results, or message ids. */
export type Jobs = AsyncResult<unknown> | string | readonly (AsyncResult<unknown> | string)[]

export function listJobs(jobs: Jobs): readonly (AsyncResult<unknown> | string)[] {
  return Array.isArray(jobs) ? jobs : [jobs as AsyncResult<unknown> | string]
}

/** The requests of `jobs` that have not ended. */
export function recordsOf(host: Dispatcher, jobs: Jobs): RequestRecord[] {
  return listJobs(jobs)
    .flatMap(job => (typeof job === 'string' ? [job] : job.msgIds))
    .flatMap(msgId => host.find(msgId) ?? [])
}
