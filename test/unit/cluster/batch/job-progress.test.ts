import { describe, expect, it } from 'vitest'
import type { JobRow } from '../../../../src/cluster/batch/batch-system.ts'
import { JobProgress } from '../../../../src/cluster/batch/job-progress.ts'
import { BATCH_SYSTEMS } from '../../../../src/cluster/batch/systems.ts'

const { slurm } = BATCH_SYSTEMS

function row(task: string | undefined, code: string, more: Partial<JobRow> = {}): JobRow {
  return { id: '7', ...(task !== undefined && { task }), code, ...more }
}

/** The tasks that ended by an answer. */
function ended(progress: JobProgress, ...rows: JobRow[]): string[] {
  return progress.seen(rows, true).map(({ task }) => task)
}

describe('JobProgress', () => {
  it('tells the end of each task once, and of the job when none is left', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    expect(ended(progress, row('0', 'RUNNING'), row('1', 'PENDING'))).toEqual([])
    expect(progress.status).toEqual({ state: 'running', detail: '1 of its 2 tasks wait: PENDING' })
    expect(ended(progress, row('0', 'FAILED'), row('1', 'RUNNING'))).toEqual(['0'])
    expect(ended(progress, row('0', 'FAILED'), row('1', 'RUNNING'))).toEqual([])
    expect(progress.status).toEqual({ state: 'running' })
    expect(ended(progress, row('0', 'FAILED'), row('1', 'COMPLETED'))).toEqual(['1'])
    expect(progress.hasEnded).toBe(true)
    expect(progress.status).toEqual({ state: 'ended' })
  })

  it('takes a task for gone that is not known twice', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    expect(ended(progress, row('0', 'RUNNING'))).toEqual([])
    expect(progress.isDoubtful).toBe(true)
    expect(progress.seen([row('0', 'RUNNING')], false)).toEqual([])
    expect(ended(progress, row('0', 'RUNNING'), row('1', 'RUNNING'))).toEqual([])
    expect(progress.isDoubtful).toBe(false)
    expect(ended(progress, row('0', 'RUNNING'))).toEqual([])
    expect(progress.seen([row('0', 'RUNNING')], true)).toEqual([
      { task: '1', row: undefined, leftover: undefined },
    ])
  })

  it('takes a row of the whole job for those tasks that have none', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    expect(ended(progress, row(undefined, 'PENDING', { detail: 'Resources' }))).toEqual([])
    expect(progress.status).toEqual({ state: 'waiting', detail: 'PENDING, Resources' })
  })

  it('follows all tasks of an array as one job where it knows nothing of them', () => {
    const progress = new JobProgress(slurm, [])
    expect(ended(progress, row('0', 'COMPLETED'), row('1', 'RUNNING'))).toEqual([])
    expect(progress.status).toEqual({ state: 'running' })
    const ends = progress.seen([row('0', 'COMPLETED'), row('1', 'FAILED', { exitCode: 3 })], true)
    expect(ends).toEqual([{ task: '', row: row('1', 'FAILED', { exitCode: 3 }), leftover: undefined }])
  })

  it('says which of those that wait are held', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    ended(progress, row('0', 'PENDING'), row('1', 'REQUEUE_HOLD', { detail: 'JobHeldUser' }))
    expect(progress.status).toEqual({ state: 'waiting', detail: 'it is held, REQUEUE_HOLD, JobHeldUser' })
  })

  it('does not wait for what the system cleans up after a job was killed', () => {
    const progress = new JobProgress(slurm, [])
    expect(progress.seen([row(undefined, 'COMPLETING')], true)).toEqual([])
    expect(progress.seen([row(undefined, 'COMPLETING')], true, true)).toHaveLength(1)
  })

  it('tells of tasks of which nothing will come', () => {
    const progress = new JobProgress(BATCH_SYSTEMS.sge, ['1', '2'])
    const ends = progress.seen([row('1', 'Eqw'), row('2', 'r')], true)
    expect(ends).toEqual([{ task: '1', row: row('1', 'Eqw'), leftover: 'stuck' }])
  })

  it('takes a task for ended that has run and waits again', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    ended(progress, row('0', 'RUNNING'), row('1', 'PENDING'))
    const requeued = row('0', 'PENDING', { detail: 'BeginTime' })
    const ends = progress.seen([requeued, row('1', 'PENDING')], true)
    expect(ends).toEqual([{ task: '0', row: requeued, leftover: 'requeued' }])
  })

  it('takes a task for ended that waits, and is known to have run between two answers', () => {
    const progress = new JobProgress(slurm, ['0', '1'])
    expect(ended(progress, row('0', 'PENDING'), row('1', 'PENDING'))).toEqual([])
    const answer = (): string[] => ended(progress, row('0', 'PENDING'), row('1', 'PENDING'))
    progress.ran('1')
    // It may not know yet that the task has begun.
    for (let i = 1; i < 5; i += 1) expect(answer()).toEqual([])
    expect(answer()).toEqual(['1'])
    progress.ran('')
    for (let i = 1; i < 5; i += 1) expect(answer()).toEqual([])
    expect(answer()).toEqual(['0'])
  })

  it('waits for how a task ended that the system takes for waiting when it is gone', () => {
    const progress = new JobProgress(BATCH_SYSTEMS.sge, ['1'])
    progress.ran('1')
    expect(ended(progress, row('1', 't'))).toEqual([])
    expect(progress.seen([row('1', 'ended', { exitCode: 7 })], true)).toMatchObject([{ leftover: undefined }])
  })
})
