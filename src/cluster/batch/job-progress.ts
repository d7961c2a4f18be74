/**
 * What is known of a job and of each of its tasks, by one answer of the batch system after the other. Decides which tasks
 * have ended; knows no command and no clock.
 *
 * 1. A task has ended when the system says so, when it has run and waits again, or when it is not known in two whole answers
 *    that follow one another: it may take a moment until a job that was submitted is known.
 * 2. The end of a task is told once.
 */

import type { BatchSystem, JobRow, JobState } from './batch-system.ts'

/** What is known of a job with all its tasks. */
export interface JobStatus {
  readonly state: 'waiting' | 'running' | 'ended'
  /** Why, in the system's words. */
  readonly detail?: string
}

/** A task that has ended. */
export interface TaskEnd {
  /** Its number; empty for a job that is no array. */
  readonly task: string
  /** What was last said of it; undefined where it was no longer known. */
  readonly row: JobRow | undefined
  /**
   * Why it is over though it lies in the queue: the system could not start it, or has put it back, and what ran is gone
   * for those that waited for it.
   */
  readonly leftover: 'stuck' | 'requeued' | undefined
}

interface Task {
  row: JobRow | undefined
  misses: number
  hasRun: boolean
  /** What ran is gone, as is known from elsewhere, and so often in a row the system has said since then that it waits. */
  waits: number | undefined
}

const MISSES_MAX = 2
/** A system may say that a job waits for some time after it has begun: it was put back only if it goes on to say so. */
const WAITS_MAX = 5
/** Of several rows that tell of the same task, the one that shows most life counts. */
const LIVELIEST: readonly JobState[] = ['running', 'ending', 'held', 'waiting', 'stuck', 'failed', 'ended']

/** See the head of this file. */
export class JobProgress {
  readonly #system: BatchSystem
  /** Those that have not ended. */
  readonly #tasks: Map<string, Task>

  /** @param tasks - numbers of the tasks of an array; empty for a job that is none. */
  constructor(system: BatchSystem, tasks: readonly string[]) {
    this.#system = system
    const names = tasks.length === 0 ? [''] : tasks
    this.#tasks = new Map(
      names.map(name => [name, { row: undefined, misses: 0, hasRun: false, waits: undefined }]),
    )
  }

  get hasEnded(): boolean {
    return this.#tasks.size === 0
  }

  /** A task was not known in the last answer: ask again soon. */
  get isDoubtful(): boolean {
    return [...this.#tasks.values()].some(({ misses }) => misses > 0)
  }

  /** What is known of those tasks that have not ended. */
  get status(): JobStatus {
    if (this.hasEnded) return { state: 'ended' }
    const rows = [...this.#tasks.values()].map(({ row }) => row)
    const waiting = rows.filter(row => row === undefined || isWaiting(this.#stateOf(row)))
    // One that is held tells more than others.
    const [first] = waiting
      .flatMap(row => row ?? [])
      .sort((a, b) => this.#liveliness(a) - this.#liveliness(b))
    const detail = first === undefined ? undefined : this.#describe(first)
    if (waiting.length === rows.length) return { state: 'waiting', ...(detail !== undefined && { detail }) }
    if (detail === undefined) return { state: 'running' }
    return { state: 'running', detail: `${waiting.length} of its ${rows.length} tasks wait: ${detail}` }
  }

  /**
   * Takes an answer.
   *
   * @param rows - what it says of this job.
   * @param isComplete - whether what it does not name is not there.
   * @param isKilled - nothing of the job can run any more: what the system still cleans up has ended.
   * @returns the tasks that have ended by it.
   */
  seen(rows: readonly JobRow[], isComplete: boolean, isKilled = false): TaskEnd[] {
    const ends: TaskEnd[] = []
    for (const [name, task] of this.#tasks) {
      const row = this.#rowOf(name, rows)
      if (row !== undefined) {
        task.row = row
        task.misses = 0
      } else if (isComplete) task.misses += 1
      const state = row === undefined ? undefined : this.#stateOf(row)
      if (state === 'running') task.hasRun = true
      if (task.waits !== undefined) task.waits = isWaiting(state) ? task.waits + 1 : 0
      if (!isOver(task, state, isKilled)) continue
      this.#tasks.delete(name)
      const leftover = state === 'stuck' ? state : isWaiting(state) ? 'requeued' : undefined
      ends.push({ task: name, row, leftover })
    }
    return ends
  }

  /**
   * A task has run and what ran is gone, as is known from elsewhere: the system may not have been asked in between.
   *
   * @param name - its number; empty for the only one.
   */
  ran(name: string): void {
    for (const [task, state] of this.#tasks) if (name === '' || name === task) state.waits ??= 0
  }

  /** A row of the whole job stands for those tasks that have none of their own. */
  #rowOf(task: string, rows: readonly JobRow[]): JobRow | undefined {
    const own = rows.filter(row => task === '' || row.task === task)
    const found = own.length > 0 ? own : rows.filter(row => row.task === undefined)
    return [...found].sort((a, b) => this.#liveliness(a) - this.#liveliness(b))[0]
  }

  #liveliness(row: JobRow): number {
    return LIVELIEST.indexOf(this.#stateOf(row))
  }

  #stateOf({ code }: JobRow): JobState {
    return this.#system.states[code] ?? 'running'
  }

  #describe(row: JobRow): string {
    return describeRow(row, this.#stateOf(row) === 'held' ? 'it is held' : undefined)
  }
}

function isWaiting(state: JobState | undefined): boolean {
  return state === 'waiting' || state === 'held'
}

/** Invariant 1. */
function isOver(
  { misses, hasRun, waits = 0 }: Task,
  state: JobState | undefined,
  isKilled: boolean,
): boolean {
  if (state === undefined) return misses >= MISSES_MAX
  if (state === 'ending') return isKilled
  if (isWaiting(state)) return hasRun || waits >= WAITS_MAX
  return state === 'ended' || state === 'failed' || state === 'stuck'
}

/** What a row says, in the system's words. */
export function describeRow({ code, detail }: JobRow, meaning?: string): string {
  return [meaning, code, detail].filter(part => part !== undefined).join(', ')
}
