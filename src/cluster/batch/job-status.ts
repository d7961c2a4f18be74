import type { BatchSystem, JobRow, JobState } from './batch-system.ts'

/** What is known of a job with all its tasks. */
export interface JobStatus {
  readonly state: 'waiting' | 'running' | 'ended'
  /** Why, in the system's words. */
  readonly detail?: string
  /** How it ended, where the system says. */
  readonly exitCode?: number | undefined
  readonly signal?: number | undefined
  /** It lies in the queue though nothing will come of it. */
  readonly isStuck?: boolean
}

/** The status of a job by the rows that tell of it: a job runs while any of its tasks does. */
export function jobStatus(system: BatchSystem, rows: readonly JobRow[]): JobStatus {
  const ofState = (...states: readonly JobState[]): readonly JobRow[] =>
    rows.filter(row => states.includes(system.states[row.code] ?? 'running'))
  if (ofState('running').length > 0) return { state: 'running' }
  const [held] = ofState('held')
  if (held !== undefined) return { state: 'waiting', detail: detailOf(held, 'it is held') }
  const [waiting] = ofState('waiting')
  if (waiting !== undefined) return { state: 'waiting', detail: detailOf(waiting) }
  const [stuck] = ofState('stuck')
  if (stuck !== undefined)
    return { state: 'ended', detail: detailOf(stuck, 'it could not be started'), isStuck: true }
  const [failed] = ofState('failed')
  if (failed === undefined) return { state: 'ended', exitCode: rows[0]?.exitCode }
  const { exitCode, signal } = failed
  const isKnown = exitCode !== undefined && exitCode !== 0
  return { state: 'ended', detail: detailOf(failed), ...(isKnown && { exitCode }), ...(signal && { signal }) }
}

function detailOf({ code, detail }: JobRow, meaning?: string): string {
  return [meaning, code, detail].filter(part => part !== undefined).join(', ')
}
