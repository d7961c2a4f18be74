import type { Dispatcher } from './dispatcher.ts'
import { type Jobs, listJobs } from './jobs.ts'
import type { Progressing } from './progress.ts'
import type { RequestRecord } from './request-record.ts'

/** Something of which it is known how far it is. */
type Part = Pick<Progressing, 'progress' | 'length'>

/**
 * How far `jobs` are, taken together; by default all that is outstanding now.
 *
 * @param wait - waits for the same jobs, as `Client.wait` does.
 */
export function jointProgress(
  host: Dispatcher,
  jobs: Jobs | undefined,
  wait: Progressing['wait'],
): Progressing {
  const parts: readonly Part[] =
    jobs === undefined ? host.outstanding().map(oneRequest) : listJobs(jobs).flatMap(job => partOf(host, job))
  const startMs = host.dateMs()
  const sum = (key: keyof Part): number => parts.reduce((total, part) => total + part[key], 0)
  return {
    get progress() {
      return sum('progress')
    },
    get length() {
      return sum('length')
    },
    get elapsed() {
      return (host.dateMs() - startMs) / 1000
    },
    ready: () => parts.every(({ progress, length }) => progress === length),
    wait,
  }
}

/** What this client does not wait for has ended already, or is another client's. */
function partOf(host: Dispatcher, job: ReturnType<typeof listJobs>[number]): Part | [] {
  if (typeof job !== 'string') return job
  const record = host.find(job)
  return record === undefined ? [] : oneRequest(record)
}

function oneRequest(record: RequestRecord): Part {
  return {
    length: 1,
    get progress() {
      return record.isSettled ? 1 : 0
    },
  }
}
