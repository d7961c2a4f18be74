/** The queue of a batch system, as far as our own jobs go: one question at a time about all of them, ever more seldom. */

import type { BatchSystem, Call, JobRow } from './batch-system.ts'
import { type CallResult, type RunCall, runCall } from './run-call.ts'

/** After a job was submitted or was asked to end, the first question comes so soon; each further one later. */
const FIRST_POLL_MS = 250
const POLL_GROWTH = 1.4
const POLL_MS_MAX = 15_000

/** A job that somebody waits for. */
export interface WatchedJob {
  readonly id: string
  readonly isUnref: boolean
  /** What the system says of it. @param isComplete - whether it is gone when there is nothing. */
  onAnswer(rows: readonly JobRow[], isComplete: boolean): Wish
}

/** When a job is to be asked for again. */
export type Wish = 'soon' | 'later' | 'never'

/** See the head of this file. */
export class BatchQueue {
  readonly system: BatchSystem
  readonly run: RunCall
  readonly #jobs = new Map<string, WatchedJob>()
  #timer: NodeJS.Timeout | undefined
  #delayMs = FIRST_POLL_MS
  #isAsking = false

  constructor(system: BatchSystem, run: RunCall = runCall) {
    this.system = system
    this.run = run
  }

  watch(job: WatchedJob): void {
    this.#jobs.set(job.id, job)
    this.hurry()
  }

  /** Something is about to happen: ask soon. */
  hurry(): void {
    this.#delayMs = FIRST_POLL_MS
    this.#schedule()
  }

  /** Whether our own process is to wait has changed. */
  refresh(): void {
    if ([...this.#jobs.values()].every(({ isUnref }) => isUnref)) this.#timer?.unref()
    else this.#timer?.ref()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#jobs.size === 0 || this.#isAsking) return
    this.#timer = setTimeout(() => void this.#ask(), this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * POLL_GROWTH, POLL_MS_MAX)
    this.refresh()
  }

  async #ask(): Promise<void> {
    const asked = [...this.#jobs.values()]
    this.#isAsking = true
    const call: Call = this.system.status(asked.map(({ id }) => id))
    const result = await this.run(call)
    this.#isAsking = false
    const rows = this.system.readStatus(result.stdout)
    const isComplete = isWhole(this.system, result)
    for (const job of asked) {
      const wish = job.onAnswer(
        rows.filter(row => row.id === job.id),
        isComplete,
      )
      if (wish === 'never') this.#jobs.delete(job.id)
      if (wish === 'soon') this.#delayMs = FIRST_POLL_MS
    }
    this.#schedule()
  }
}

/** Whether what an answer about jobs does not name is not there. Some systems call that a failure. */
export function isWhole(system: BatchSystem, { exitCode, stdout, stderr, problem }: CallResult): boolean {
  if (problem !== undefined || exitCode === null) return false
  return exitCode === 0 || system.noSuchJob.test(`${stderr}${stdout}`.trim())
}
