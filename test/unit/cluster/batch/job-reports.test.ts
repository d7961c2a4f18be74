import { expect, it } from 'vitest'
import type { Call } from '../../../../src/cluster/batch/batch-system.ts'
import { reportJobs } from '../../../../src/cluster/batch/job-reports.ts'
import type { CallResult } from '../../../../src/cluster/batch/run-call.ts'

it('reportJobs asks each system once, and tells what each job does or waits for', async () => {
  const calls: Call[] = []
  const run = async (call: Call): Promise<CallResult> => {
    calls.push(call)
    const rows = ['7|1|RUN|-|-|-', '7|2|PEND|-|Not enough slots|-', '8|0|DONE|0|-|-']
    return call.command === 'bjobs'
      ? { exitCode: 255, stdout: `${rows.join('\n')}\n`, stderr: 'Job <9> is not found\n' }
      : { exitCode: null, stdout: '', stderr: '', problem: 'timeout' }
  }
  const jobs = [
    ...['7', '8', '9'].map(id => ({ system: 'lsf' as const, id, files: '' })),
    { system: 'pbs' as const, id: '3', files: '' },
  ]
  expect(await reportJobs(jobs, run)).toEqual([
    { system: 'lsf', id: '7', state: 'running', detail: '1 of its 2 tasks wait: PEND, Not enough slots' },
    { system: 'lsf', id: '8', state: 'ended' },
    { system: 'lsf', id: '9', state: 'ended' },
    { system: 'pbs', id: '3', state: 'unknown' },
  ])
  expect(calls).toHaveLength(2)
})
