import { describe, expect, it } from 'vitest'
import type { GroupJob, Job } from '../../../src/cluster/launcher.ts'
import { waitingJobs } from '../../../src/cluster/waiting-jobs.ts'

const single: Job = { pid: 7, signal: () => {}, unref: () => {} }
const group = (id: string, status: GroupJob['status']): GroupJob => ({ ...single, id, status })

describe('waitingJobs', () => {
  it('says of each job that waits what it waits for, as far as its system tells', () => {
    expect(
      waitingJobs([
        group('', { state: 'waiting' }),
        group('12', { state: 'waiting' }),
        group('13', { state: 'waiting', detail: 'Resources' }),
        group('14', { state: 'running', detail: 'suspended' }),
      ]),
    ).toEqual([
      'a job is still being submitted',
      'job 12 has not begun to run',
      'job 13 has not begun to run: Resources',
      'job 14: suspended',
    ])
  })

  it('says nothing of jobs that run or have ended, of single programs, and of none', () => {
    expect(
      waitingJobs([undefined, single, group('1', { state: 'running' }), group('2', { state: 'ended' })]),
    ).toEqual([])
  })
})
