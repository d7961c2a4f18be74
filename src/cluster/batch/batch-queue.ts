/** The queue of a batch system, as far as our own jobs go: one question at a time about all of them, ever more seldom. */

import type { BatchSystem, Call, JobRow } from './batch-system.ts'
import { type JobStatus, jobStatus } from './job-status.ts'
import { type CallResult, type RunCall, runCall } from './run-call.ts'

/** After a job was submitted or was asked to end, the first question comes so soon; each further one later. */
const FIRST_POLL_MS = 250
const POLL_GROWTH = 1.4
const POLL_MS_MAX = 15_000
/** A job that the system does not know is gone when it is not known twice. */
const MISSES_MAX = 2

/** A job that somebody waits for. */
export interface WatchedJob {
  readonly id: string
  readonly isUnref: boolean
  /** Called when it has changed; not again after its end. */
  onStatus(status: JobStatus): void
}

interface Watch {
  readonly job: WatchedJob
  misses: number
}

/** See the head of this file. */
export class BatchQueue {
  readonly system: BatchSystem
  readonly run: RunCall
  readonly #watches = new Map<string, Watch>()
  #timer: NodeJS.Timeout | undefined
  #delayMs = FIRST_POLL_MS
  #isAsking = false

  constructor(system: BatchSystem, run: RunCall = runCall) {
    this.system = system
    this.run = run
  }

  watch(job: WatchedJob): void {
    this.#watches.set(job.id, { job, misses: 0 })
    this.hurry()
  }

  /** Something is about to happen: ask soon. */
  hurry(): void {
    this.#delayMs = FIRST_POLL_MS
    this.#schedule()
  }

  /** Whether our own process is to wait has changed. */
  refresh(): void {
    if ([...this.#watches.values()].every(({ job }) => job.isUnref)) this.#timer?.unref()
    else this.#timer?.ref()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#watches.size === 0 || this.#isAsking) return
    this.#timer = setTimeout(() => void this.#ask(), this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * POLL_GROWTH, POLL_MS_MAX)
    this.refresh()
  }

  async #ask(): Promise<void> {
    const asked = [...this.#watches.values()]
    this.#isAsking = true
    const call: Call = this.system.status(asked.map(({ job }) => job.id))
    const result = await this.run(call)
    this.#isAsking = false
    const rows = this.system.readStatus(result.stdout)
    const isComplete = result.exitCode === 0 || this.#knowsNone(result)
    for (const watch of asked)
      this.#update(
        watch,
        rows.filter(row => row.id === watch.job.id),
        isComplete,
      )
    this.#schedule()
  }

  /** Some systems call it a failure when a job is not there any more. */
  #knowsNone({ exitCode, stdout, stderr, problem }: CallResult): boolean {
    if (problem !== undefined || exitCode === null) return false
    return this.system.noSuchJob.test(`${stderr}${stdout}`.trim())
  }

  #update(watch: Watch, rows: readonly JobRow[], isComplete: boolean): void {
    if (rows.length > 0) watch.misses = 0
    else if (!isComplete) return
    else if (++watch.misses < MISSES_MAX) {
      this.#delayMs = FIRST_POLL_MS
      return
    }
    const status = jobStatus(this.system, rows)
    if (status.state === 'ended') this.#watches.delete(watch.job.id)
    watch.job.onStatus(status)
  }
}
