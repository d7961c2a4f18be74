import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cancelJobs } from '../../../../src/cluster/batch/cancel-jobs.ts'
import type { CallResult, RunCall } from '../../../../src/cluster/batch/run-call.ts'
import { LauncherError } from '../../../../src/errors.ts'

let folder: string
let calls: string[]
/** States that the queue tells of the job, one after the other; the last one again and again. */
let states: string[]
beforeEach(() => {
  vi.useFakeTimers()
  folder = mkdtempSync(join(tmpdir(), 'itsparallel-cancel-'))
  calls = []
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

const run: RunCall = async ({ command, args }): Promise<CallResult> => {
  if (command !== 'bjobs') calls.push([command, ...args].join(' '))
  const state = states.length > 1 ? states.shift() : states[0]
  const stdout = command === 'bjobs' ? `7|0|${state}|-|-|-\n` : ''
  return { exitCode: 0, stdout, stderr: '' }
}

const cancel = (by = run): Promise<void> =>
  cancelJobs([{ system: 'lsf', id: '7', files: join(folder, 'lsf-ipengine-ab') }], by)

describe('cancelJobs', () => {
  it('waits until a job is gone, and removes its script and logs', async () => {
    states = ['RUN', 'RUN', 'EXIT']
    const files = ['lsf-ipengine-ab.sh', 'lsf-ipengine-ab-1.out'].map(name => join(folder, name))
    for (const file of files) writeFileSync(file, 'x')
    const cancelled = cancel()
    await vi.runAllTimersAsync()
    await cancelled
    expect(calls).toEqual(['bkill 7'])
    expect(files.map(file => existsSync(file))).toEqual([false, false])
  })

  it('kills a job that does not end, and says so when that does not help', async () => {
    states = ['RUN']
    const cancelled = cancel()
    const failed = expect(cancelled).rejects.toThrow(/job 7 of LSF does not end: it was cancelled and killed/)
    await vi.advanceTimersByTimeAsync(70_000)
    await failed
    expect(calls).toEqual(['bkill 7', 'bkill -s KILL 7'])
  })

  it('says where to stop when the system is not here', async () => {
    const missing: RunCall = async () => ({ exitCode: null, stdout: '', stderr: '', problem: 'missing' })
    const cancelled = cancel(missing)
    await expect(cancelled).rejects.toThrow(LauncherError)
    await expect(cancelled).rejects.toThrow(/bkill is not on this machine: run `ipcluster stop` where/)
  })
})
