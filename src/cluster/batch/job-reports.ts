import type { JobRecord } from '../../config/pid-file.ts'
import { isWhole } from './batch-queue.ts'
import { JobProgress, type JobStatus } from './job-progress.ts'
import { type RunCall, runCall } from './run-call.ts'
import { BATCH_SYSTEMS } from './systems.ts'

/** How a job is, as its batch system says. */
export interface JobReport {
  readonly system: string
  readonly id: string
  /** `unknown`: the system did not answer. */
  readonly state: JobStatus['state'] | 'unknown'
  /** What it waits for, in the system's words. */
  readonly detail?: string
}

/** Asks each batch system once about its jobs. */
export async function reportJobs(
  jobs: readonly JobRecord[],
  run: RunCall = runCall,
): Promise<readonly JobReport[]> {
  const names = [...new Set(jobs.map(({ system }) => system))]
  const reports = names.map(async name => {
    const system = BATCH_SYSTEMS[name]
    const ids = jobs.filter(job => job.system === name).map(({ id }) => id)
    const answer = await run(system.status(ids))
    const isComplete = isWhole(system, answer)
    const rows = system.readStatus(answer.stdout)
    return ids.map((id): JobReport => {
      const ofJob = rows.filter(row => row.id === id)
      if (ofJob.length === 0) return { system: name, id, state: isComplete ? 'ended' : 'unknown' }
      const tasks = [...new Set(ofJob.flatMap(({ task }) => task ?? []))]
      const progress = new JobProgress(system, tasks)
      progress.seen(ofJob, isComplete)
      return { system: name, id, ...progress.status }
    })
  })
  return (await Promise.all(reports)).flat()
}
