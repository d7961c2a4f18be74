import { describe, expect, it } from 'vitest'
import { jobStatus } from '../../../../src/cluster/batch/job-status.ts'
import { BATCH_SYSTEMS } from '../../../../src/cluster/batch/systems.ts'

const { slurm, pbs, sge, lsf, htcondor } = BATCH_SYSTEMS

/** A line as `squeue` writes it: columns of 64, 32, 64 and 16 letters. */
function squeueLine(id: string, state: string, reason: string, exit: string): string {
  return `${id.padEnd(64)}${state.padEnd(32)}${reason.padEnd(64)}${exit.padEnd(16)}\n`
}

describe('slurm', () => {
  it('reads the number of a job, with or without the name of a cluster', () => {
    expect(slurm.readJobId('17\n')).toBe('17')
    expect(slurm.readJobId('sbatch: warning: old\n17;east\n')).toBe('17')
    expect(slurm.readJobId('sbatch: error: no\n')).toBeUndefined()
  })

  it('asks once about all jobs', () => {
    const { command, args } = slurm.status(['7', '9'])
    expect([command, ...args].join(' ')).toMatch(/^squeue .*--jobs=7,9 /)
  })

  it('runs for as long as one of its tasks does', () => {
    const answer = squeueLine('7', 'COMPLETED', 'None', '0') + squeueLine('7', 'RUNNING', 'None', '0')
    expect(jobStatus(slurm, slurm.readStatus(answer))).toEqual({ state: 'running' })
  })

  it('has the exit code or the signal of the task that failed', () => {
    const ended = squeueLine('7', 'COMPLETED', 'None', '0')
    const failed = squeueLine('7', 'FAILED', 'NonZeroExitCode', '768')
    expect(jobStatus(slurm, slurm.readStatus(ended + failed))).toMatchObject({ state: 'ended', exitCode: 3 })
    const killed = squeueLine('7', 'FAILED', 'JobLaunchFailure', '9')
    expect(jobStatus(slurm, slurm.readStatus(killed))).toMatchObject({ state: 'ended', signal: 9 })
  })

  it('waits for a job that is held, and says so; one that was cancelled is held no more', () => {
    const held = squeueLine('7', 'PENDING', 'JobHeldUser', '0')
    expect(jobStatus(slurm, slurm.readStatus(held))).toEqual({
      state: 'waiting',
      detail: 'it is held, REQUEUE_HOLD, JobHeldUser',
    })
    const cancelled = squeueLine('7', 'CANCELLED', 'JobHeldUser', '0')
    expect(jobStatus(slurm, slurm.readStatus(cancelled))).toEqual({
      state: 'ended',
      detail: 'CANCELLED, JobHeldUser',
    })
  })
})

describe('pbs', () => {
  it('tells an array by its number', () => {
    expect(pbs.readJobId('1234.pbs01.example\n')).toBe('1234')
    expect(pbs.readJobId('1234[].pbs01\n')).toBe('1234[]')
    expect(pbs.isArrayId!('1234[]')).toBe(true)
    expect(pbs.isArrayId!('1234')).toBe(false)
    expect(pbs.readJobId('qsub: Unknown queue')).toBeUndefined()
  })

  it('reads the table of qstat', () => {
    const answer = `Job id            Name             User              Time Use S Queue
----------------  ---------------- ----------------  -------- - -----
12.pbs01          ipengine         me                00:00:01 R workq
13[].pbs01        ipengine         me                       0 B workq
14.pbs01          ipengine         me                       0 H workq
`
    expect(pbs.readStatus(answer)).toEqual([
      { id: '12', code: 'R' },
      { id: '13[]', code: 'B' },
      { id: '14', code: 'H' },
    ])
    expect(pbs.noSuchJob.test('qstat: Unknown Job Id 99.pbs01')).toBe(true)
    expect(pbs.noSuchJob.test('qstat: cannot connect to server pbs01')).toBe(false)
  })
})

describe('sge', () => {
  it('reads the number of a job, also behind a warning', () => {
    expect(sge.readJobId('12\n')).toBe('12')
    expect(sge.readJobId('12.1-4:1\n')).toBe('12')
    expect(sge.readJobId('Your job-array 12.1-4:1 ("x") has been submitted\n')).toBe('12')
    expect(sge.readJobId('Unable to run job: no\n')).toBeUndefined()
  })

  it('takes a job in error for one of which nothing will come', () => {
    const answer = `job-ID  prior   name       user         state submit/start at     queue       slots ja-task-ID
-----------------------------------------------------------------------------------------------
      3 0.50000 ipengine   me           Eqw   11/25/2026 23:39:44                 1 1
`
    expect(jobStatus(sge, sge.readStatus(answer))).toMatchObject({ state: 'ended', isStuck: true })
  })
})

describe('lsf', () => {
  it('reads its answers', () => {
    expect(lsf.readJobId('Job <123> is submitted to default queue <normal>.\n')).toBe('123')
    expect(lsf.readStatus('123|EXIT|3|-\n123|PEND|-|Not enough slots\n')).toEqual([
      { id: '123', code: 'EXIT', exitCode: 3 },
      { id: '123', code: 'PEND', detail: 'Not enough slots' },
    ])
    expect(lsf.noSuchJob.test('Job <99> is not found')).toBe(true)
  })
})

describe('htcondor', () => {
  it('reads its answers', () => {
    expect(htcondor.readJobId('12.0 - 12.3\n')).toBe('12')
    const answer = '12\t5\tundefined\tcannot find the executable\n12\t2\tundefined\tundefined\n'
    expect(htcondor.readStatus(answer)).toEqual([
      { id: '12', code: '5', detail: 'cannot find the executable' },
      { id: '12', code: '2' },
    ])
  })
})
