import { describe, expect, it } from 'vitest'
import type { Call } from '../../../../src/cluster/batch/batch-system.ts'
import { BATCH_SYSTEMS } from '../../../../src/cluster/batch/systems.ts'

const { slurm, pbs, sge, lsf, htcondor } = BATCH_SYSTEMS

/** A line as `squeue` writes it: columns of 64, 32, 32, 64 and 16 letters. */
function squeueLine(id: string, task: string, state: string, reason: string, exit: string): string {
  return `${id.padEnd(64)}${task.padEnd(32)}${state.padEnd(32)}${reason.padEnd(64)}${exit.padEnd(16)}\n`
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

  it('reads the exit code or the signal of each task, and which is held', () => {
    const answer =
      squeueLine('7', '0', 'FAILED', 'NonZeroExitCode', '768') +
      squeueLine('7', '1', 'CANCELLED', 'None', '9') +
      squeueLine('7', '2', 'PENDING', 'JobHeldUser', '0') +
      squeueLine('8', 'N/A', 'RUNNING', 'None', '0')
    expect(slurm.readStatus(answer)).toEqual([
      { id: '7', task: '0', code: 'FAILED', detail: 'NonZeroExitCode', exitCode: 3 },
      { id: '7', task: '1', code: 'CANCELLED', signal: 9 },
      { id: '7', task: '2', code: 'REQUEUE_HOLD', detail: 'JobHeldUser', exitCode: 0 },
      { id: '8', code: 'RUNNING', exitCode: 0 },
    ])
  })

  it('reads how jobs ended from the accounts', () => {
    const answer = '7_0|FAILED|3:0\n7_1|CANCELLED by 0|0:15\n8|TIMEOUT|0:0\n'
    expect(slurm.readHistory!(answer)).toEqual([
      { id: '7', task: '0', code: 'FAILED', exitCode: 3 },
      { id: '7', task: '1', code: 'CANCELLED', signal: 15 },
      { id: '8', code: 'TIMEOUT', exitCode: 0 },
    ])
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
13[0].pbs01       ipengine         me                00:00:00 R workq
13[1].a-long-nam* ipengine         me                00:00:00 X workq
14.pbs01          ipengine         me                       0 H workq
`
    expect(pbs.readStatus(answer)).toEqual([
      { id: '12', code: 'R' },
      { id: '13[]', code: 'B' },
      { id: '13[]', task: '0', code: 'R' },
      { id: '13[]', task: '1', code: 'X' },
      { id: '14', code: 'H' },
    ])
    expect(pbs.noSuchJob.test('qstat: Unknown Job Id 99.pbs01')).toBe(true)
    expect(pbs.noSuchJob.test('qstat: cannot connect to server pbs01')).toBe(false)
  })

  it('reads why a job waits, also where the line is broken', () => {
    const answer = `Job Id: 14.pbs01
    job_state = Q
    comment = Not Running: Insufficient amount of resource: ncpus (R: 999 A: 4 T:
\t 4)
    etime = Thu
`
    expect(pbs.readExplanation!(answer)).toBe(
      'Not Running: Insufficient amount of resource: ncpus (R: 999 A: 4 T: 4)',
    )
  })

  it('asks for the tasks of arrays, and reads how they ended', () => {
    expect(pbs.status(['12']).args).toEqual(['12'])
    expect(pbs.status(['12', '13[]']).args).toEqual(['-t', '12', '13[]'])
    const answer = `Job Id: 13[0].pbs01
    Job_Name = ipengine
    job_state = X
    Exit_status = 3

Job Id: 13[1].pbs01
    Job_Name = ipengine
    job_state = X
    Exit_status = 271

Job Id: 14.pbs01
    job_state = F
    Exit_status = -29
`
    expect(pbs.readHistory!(answer)).toEqual([
      { id: '13[]', task: '0', code: 'X', exitCode: 3 },
      { id: '13[]', task: '1', code: 'X', signal: 15 },
      { id: '14', code: 'F', detail: 'Exit_status = -29' },
    ])
  })
})

describe('sge', () => {
  it('reads the number of a job, also behind a warning', () => {
    expect(sge.readJobId('12\n')).toBe('12')
    expect(sge.readJobId('12.1-4:1\n')).toBe('12')
    expect(sge.readJobId('Your job-array 12.1-4:1 ("x") has been submitted\n')).toBe('12')
    expect(sge.readJobId('Unable to run job: no\n')).toBeUndefined()
  })

  it('reads the table of qstat: which queue runs a task, and which lie in error', () => {
    const answer = `job-ID  prior   name       user         state submit/start at     queue                          slots ja-task-ID
-----------------------------------------------------------------------------------------------------------------
      2 0.50000 ipengine   me           r     11/25/2026 23:39:44 main.q@node1                       1
      3 0.50000 ipengine   me           r     11/25/2026 23:39:44 main.q@node1                       1 1
      3 0.50000 ipengine   me           Eqw   11/25/2026 23:39:44                                    1 2
`
    expect(sge.readStatus(answer)).toEqual([
      { id: '2', code: 'r' },
      { id: '3', task: '1', code: 'r' },
      { id: '3', task: '2', code: 'Eqw' },
    ])
    expect(sge.states.Eqw).toBe('stuck')
  })

  it('reads why a job waits', () => {
    const answer = `job_number:                 3
scheduling info:            queue instance "main.q@a" dropped because it is full
                            cannot run in PE "mpi" because it only offers 0 slots
`
    expect(sge.readExplanation!(answer)).toBe(
      'queue instance "main.q@a" dropped because it is full; cannot run in PE "mpi" because it only offers 0 slots',
    )
    expect(sge.readExplanation!('scheduling info:            (Collecting of ...)\n')).toBeDefined()
    expect(sge.readExplanation!('job_number: 3\n')).toBeUndefined()
  })

  it('reads how tasks ended from the accounts', () => {
    const answer = `==============================================================
qname        main.q
jobnumber    3
taskid       1
failed       0
exit_status  3
==============================================================
jobnumber    3
taskid       2
failed       100 : assumedly after job
exit_status  137
==============================================================
jobnumber    4
taskid       undefined
failed       0
exit_status  0
`
    expect(sge.readHistory!(answer)).toEqual([
      { id: '3', task: '1', code: 'ended', exitCode: 3 },
      { id: '3', task: '2', code: 'ended', detail: '100 : assumedly after job', signal: 9 },
      { id: '4', code: 'ended', exitCode: 0 },
    ])
  })
})

describe('lsf', () => {
  it('reads its answers', () => {
    expect(lsf.readJobId('Job <123> is submitted to default queue <normal>.\n')).toBe('123')
    const answer = '123|1|EXIT|3|-|-\n123|2|PEND|-|Not enough slots|-\n124|0|EXIT|140|-|TERM_RUNLIMIT\n'
    expect(lsf.readStatus(answer)).toEqual([
      { id: '123', task: '1', code: 'EXIT', exitCode: 3 },
      { id: '123', task: '2', code: 'PEND', detail: 'Not enough slots' },
      { id: '124', code: 'EXIT', signal: 12, detail: 'TERM_RUNLIMIT' },
    ])
    expect(lsf.noSuchJob.test('Job <99> is not found')).toBe(true)
  })
})

describe('htcondor', () => {
  it('reads its answers', () => {
    expect(htcondor.readJobId('12.0 - 12.3\n')).toBe('12')
    const u = 'undefined'
    const rows = [
      ['12', '0', '5', u, u, '6', 'cannot find the executable', u],
      ['12', '1', '5', u, u, '1', 'via condor_hold (by user me)', u],
      ['12', '2', '2', u, u, u, u, u],
      ['12', '3', '4', '3', u, u, u, u],
      ['12', '4', '3', u, '9', u, u, 'via condor_rm (by user me)'],
    ]
    expect(htcondor.readStatus(rows.map(row => `${row.join('\t')}\n`).join(''))).toEqual([
      { id: '12', task: '0', code: 'held', detail: 'cannot find the executable' },
      { id: '12', task: '1', code: '5', detail: 'via condor_hold (by user me)' },
      { id: '12', task: '2', code: '2' },
      { id: '12', task: '3', code: '4', exitCode: 3 },
      { id: '12', task: '4', code: '3', signal: 9, detail: 'via condor_rm (by user me)' },
    ])
    // Held by HTCondor itself: nothing will come of it.
    expect(htcondor.states.held).toBe('stuck')
  })
})

describe('signals and tasks', () => {
  const words = (call: Call | undefined): string | undefined => call && [call.command, ...call.args].join(' ')

  it('go by the command of each system', () => {
    expect(words(slurm.signal('7_1', 'SIGUSR1'))).toBe('scancel --signal=USR1 --batch 7_1')
    expect(words(pbs.signal('7[1]', 'SIGUSR1'))).toBe('qsig -s SIGUSR1 7[1]')
    expect(words(lsf.signal('7[1]', 'SIGUSR1'))).toBe('bkill -s USR1 7[1]')
    expect(words(sge.signal('7.1', 'SIGSTOP'))).toBe('qmod -sj 7.1')
    expect(words(sge.signal('7.1', 'SIGCONT'))).toBe('qmod -usj 7.1')
    expect(words(sge.signal('7.1', 'SIGUSR1'))).toBeUndefined()
    expect(words(htcondor.signal('7.1', 'SIGCONT'))).toBe('condor_continue 7.1')
    expect(words(htcondor.signal('7.1', 'SIGUSR1'))).toBeUndefined()
  })

  it('name a task as each system does', () => {
    const names = [slurm, pbs, sge, lsf, htcondor].map(system =>
      system.taskId(system === pbs ? '7[]' : '7', '1'),
    )
    expect(names).toEqual(['7_1', '7[1]', '7.1', '7[1]', '7.1'])
  })
})
