import type { GroupJob, Job } from './launcher.ts'

/** What jobs wait for that do not run yet, or run and are held up: a line each, for whoever waits for them. */
export function waitingJobs(jobs: readonly (Job | undefined)[]): string[] {
  return jobs.flatMap(waitingJob)
}

function waitingJob(job: Job | undefined): string[] {
  const { id = '', status } = (job ?? {}) as Partial<GroupJob>
  if (status?.state === 'running' && status.detail !== undefined) return [`job ${id}: ${status.detail}`]
  if (status?.state !== 'waiting') return []
  const what = id === '' ? 'a job is still being submitted' : `job ${id} has not begun to run`
  return [status.detail === undefined ? what : `${what}: ${status.detail}`]
}
