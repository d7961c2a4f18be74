import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { batchLauncher } from '../../../../src/cluster/batch/batch-launcher.ts'
import type { BatchSettings } from '../../../../src/cluster/batch/batch-settings.ts'
import type { Call } from '../../../../src/cluster/batch/batch-system.ts'
import type { CallResult } from '../../../../src/cluster/batch/run-call.ts'
import type { GroupJob } from '../../../../src/cluster/launcher.ts'
import type { ProgramEnd } from '../../../../src/cluster/state/launch-events.ts'
import type { BatchSystemName } from '../../../../src/config/launcher-names.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'itsparallel-batch-'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const program = {
  name: 'ipengine',
  command: 'node',
  args: ['ipengine.js', '--profile-dir=/p', '--cluster-id='],
  env: {},
  ownEnv: {},
  cwd: '/',
}

const fine = (stdout = ''): CallResult => ({ exitCode: 0, stdout, stderr: '' })

/** A batch system that answers from a table, the last answer again and again. */
class Answers {
  readonly calls: string[] = []
  readonly #answers: Record<string, CallResult[]>
  onCall: (call: Call) => void = () => {}

  constructor(answers: Record<string, CallResult[]>) {
    this.#answers = answers
  }

  run = async (call: Call): Promise<CallResult> => {
    this.calls.push([call.command, ...call.args].join(' '))
    this.onCall(call)
    const answers = this.#answers[call.command] ?? [fine()]
    return answers.length > 1 ? answers.shift()! : answers[0]!
  }

  commands(): string[] {
    return this.calls.map(call => call.split(' ')[0]!)
  }
}

interface Submitted {
  readonly job: GroupJob
  readonly ended: Promise<ProgramEnd>
}

function submit(
  system: BatchSystemName,
  answers: Answers,
  settings: BatchSettings = {},
  count = 2,
): Submitted {
  const launcher = batchLauncher(system, settings, profileDir, { run: answers.run })
  let job!: GroupJob
  const ended = new Promise<ProgramEnd>(resolve => {
    job = launcher.submit(program, count, { onEnd: resolve })
  })
  return { job, ended }
}

const lsfRow = (state: string, exit = '-'): CallResult =>
  fine(`7|1|${state}|${exit}|-|-\n7|2|${state}|${exit}|-|-\n`)
const lsfSubmitted = fine('Job <7> is submitted to queue <normal>.\n')

describe('batchLauncher', () => {
  it('submits one script, asks how the job is until it has ended, and leaves no file', async () => {
    const answers = new Answers({
      bsub: [lsfSubmitted],
      bjobs: [lsfRow('PEND'), lsfRow('RUN'), lsfRow('DONE', '0')],
    })
    let script = ''
    answers.onCall = call => {
      script ||= call.input ?? ''
    }
    const { job, ended } = submit('lsf', answers)
    expect(job.status).toEqual({ state: 'waiting' })
    expect(await ended).toMatchObject({ exitCode: 0, command: 'bsub' })
    expect(job.id).toBe('7')
    expect(job.status).toEqual({ state: 'ended' })
    expect(answers.commands()).toEqual(['bsub', 'bjobs', 'bjobs', 'bjobs'])
    expect(script).toMatch(/#BSUB -J "ipengine\[1-2\]"/)
    expect(readdirSync(join(profileDir, 'log'))).toEqual([])
  })

  it('shows the last lines of the log of a job that fails', async () => {
    const answers = new Answers({ bsub: [lsfSubmitted], bjobs: [lsfRow('EXIT', '3')] })
    answers.onCall = call => {
      const log = /^#BSUB -o (.*)-%I\.out$/m.exec(call.input ?? '')?.[1]
      if (log !== undefined) writeFileSync(`${log}-1.out`, 'first\nmodule: command not found\n')
    }
    const { ended } = submit('lsf', answers)
    expect(await ended).toMatchObject({ exitCode: 3, output: 'first\nmodule: command not found' })
    // It is there to be read.
    expect(readdirSync(join(profileDir, 'log'))).toHaveLength(1)
  })

  it('tells the end of a job whose profile is gone', async () => {
    const answers = new Answers({ bsub: [lsfSubmitted], bjobs: [lsfRow('EXIT', '3')] })
    answers.onCall = ({ command }) => {
      if (command === 'bjobs') rmSync(join(profileDir, 'log'), { recursive: true, force: true })
    }
    expect(await submit('lsf', answers).ended).toMatchObject({ exitCode: 3, output: '' })
  })

  it('says that time was up, and not only by which signal', async () => {
    const answers = new Answers({
      bsub: [lsfSubmitted],
      bjobs: [fine('7|0|EXIT|140|-|TERM_RUNLIMIT: job killed\n')],
    })
    expect(await submit('lsf', answers, {}, 1).ended).toMatchObject({
      exitCode: null,
      signal: 'SIGUSR2',
      reason: 'job 7 of LSF has ended: EXIT, TERM_RUNLIMIT: job killed',
    })
  })

  it('tells of each task of an array by itself, and last of the job', async () => {
    const rows = (first: string, second: string): CallResult => fine(`7|1|${first}|-|-\n7|2|${second}|-|-\n`)
    const answers = new Answers({
      bsub: [lsfSubmitted],
      bjobs: [rows('RUN|-', 'RUN|-'), rows('EXIT|4', 'RUN|-'), rows('EXIT|4', 'DONE|0')],
    })
    answers.onCall = call => {
      const log = /^#BSUB -o (.*)-%I\.out$/m.exec(call.input ?? '')?.[1]
      if (log === undefined) return
      writeFileSync(`${log}-1.out`, 'of the first\n')
      writeFileSync(`${log}-2.out`, 'of the second\n')
    }
    const told: string[] = []
    const launcher = batchLauncher('lsf', {}, profileDir, { run: answers.run })
    await new Promise<void>(resolve => {
      launcher.submit(program, 2, {
        onTaskEnd: (task, { exitCode, output }) => told.push(`${task}: ${exitCode}, ${output}`),
        onEnd: ({ exitCode }) => {
          told.push(`job: ${exitCode}`)
          resolve()
        },
      })
    })
    expect(told).toEqual(['1: 4, of the first', 'job: 0'])
  })

  it('sends signals to a task, kills by what the system understands, and says what it refuses', async () => {
    const no = { exitCode: 1, stdout: '', stderr: 'User permission denied\n' }
    const answers = new Answers({
      bsub: [lsfSubmitted],
      bjobs: [lsfRow('RUN')],
      bkill: [fine(), no, fine(), no],
    })
    const { job } = submit('lsf', answers)
    expect(job.signalTask!('1', 'SIGUSR1')).toBeUndefined()
    await new Promise<void>(resolve => {
      answers.onCall = ({ command }) => {
        if (command === 'bjobs') resolve()
      }
    })
    await job.signalTask!('1', 'SIGUSR1')
    await job.signalTask!('2', 'SIGKILL')
    await expect(job.signalTask!('1', 'SIGCONT')).rejects.toThrow(
      "bkill -s CONT '7[1]' ended with exit code 1: User permission denied",
    )
    expect(answers.calls.filter(call => call.startsWith('bkill'))).toEqual([
      'bkill -s USR1 7[1]',
      'bkill -s KILL 7[2]',
      'bkill 7[2]',
      'bkill -s CONT 7[1]',
    ])
    answers.onCall = () => {}
    job.unref()
  })

  it('tells of a command that is not on this machine', async () => {
    const answers = new Answers({ sbatch: [{ exitCode: null, stdout: '', stderr: '', problem: 'missing' }] })
    const { ended } = submit('slurm', answers)
    expect(await ended).toMatchObject({
      spawnError: 'sbatch is not on this machine',
      hint: expect.stringMatching(/there is no sbatch here: log in to a machine that submits jobs to Slurm/),
    })
  })

  it('tells of a command that does not answer', async () => {
    const answers = new Answers({ qsub: [{ exitCode: null, stdout: '', stderr: '', problem: 'timeout' }] })
    expect(await submit('sge', answers).ended).toMatchObject({ spawnError: 'qsub did not answer' })
  })

  it('tells of a queue that does not exist, and how to see those that do', async () => {
    const refused = { exitCode: 170, stdout: '', stderr: 'qsub: Unknown queue\n' }
    const answers = new Answers({ qsub: [refused] })
    expect(await submit('pbs', answers, { queue: 'nope' }).ended).toMatchObject({
      spawnError: 'qsub ended with exit code 170',
      output: 'qsub: Unknown queue',
      hint: 'queue nope cannot be used: `qstat -Q` shows those that there are; set batch.queue',
    })
  })

  it('says why a job waits', async () => {
    const u = 'undefined'
    const held = fine(`${['12', '0', '5', u, u, '1', 'via condor_hold', u].join('\t')}\n`)
    const answers = new Answers({ condor_submit: [fine('12.0 - 12.0\n')], condor_q: [held, held, fine()] })
    const { job, ended } = submit('htcondor', answers, {}, 1)
    const seen = new Promise<void>(resolve => {
      answers.onCall = () => {
        if (answers.commands().filter(command => command === 'condor_q').length === 2) resolve()
      }
    })
    await seen
    expect(job.status).toEqual({ state: 'waiting', detail: 'it is held, 5, via condor_hold' })
    await ended
  })

  it('cancels a job, and one that it is only submitting', async () => {
    const answers = new Answers({ bsub: [lsfSubmitted], bjobs: [lsfRow('EXIT', '143')] })
    const { job, ended } = submit('lsf', answers)
    job.signal('SIGTERM')
    await ended
    expect(answers.calls).toContain('bkill 7')
  })

  it('does not take a question that fails for the end of a job', async () => {
    const broken = { exitCode: 1, stdout: '', stderr: 'LSF is down. Please wait ...\n' }
    const gone = { exitCode: 255, stdout: '', stderr: 'Job <7> is not found\n' }
    const answers = new Answers({ bsub: [lsfSubmitted], bjobs: [broken, broken, gone, gone] })
    expect(await submit('lsf', answers).ended).toMatchObject({
      exitCode: null,
      reason: 'job 7 is no longer in the queue of LSF',
    })
    expect(answers.commands().filter(command => command === 'bjobs')).toHaveLength(4)
  })

  it('asks one question about all jobs', async () => {
    const answers = new Answers({
      bsub: [lsfSubmitted, fine('Job <8> is submitted to queue <normal>.\n')],
      bjobs: [fine('7|0|DONE|0|-|-\n8|1|DONE|0|-|-\n8|2|DONE|0|-|-\n')],
    })
    const launcher = batchLauncher('lsf', {}, profileDir, { run: answers.run })
    await Promise.all(
      [1, 2].map(n => new Promise<ProgramEnd>(onEnd => launcher.submit(program, n, { onEnd }))),
    )
    const questions = answers.calls.filter(call => call.startsWith('bjobs'))
    expect(questions).toHaveLength(1)
    expect(questions[0]).toMatch(/ 7 8$/)
  })

  it('refuses arrays of a qsub that only looks like that of PBS, and leaves no job behind', async () => {
    const answers = new Answers({ qsub: [fine('29\n')] })
    expect(await submit('pbs', answers).ended).toMatchObject({
      spawnError: 'this qsub is not that of PBS: it has no job arrays',
      hint: expect.stringMatching(/batch\.array to false/),
    })
    expect(answers.calls).toContain('qdel 29')
  })

  it('cancels a job of which nothing will come', async () => {
    const stuck = fine('  12 0.5 ipengine me Eqw 11/25/2026 23:39:44 1\n')
    const answers = new Answers({ qsub: [fine('12\n')], qstat: [stuck] })
    expect(await submit('sge', answers, {}, 1).ended).toMatchObject({
      reason: 'job 12 of Grid Engine has ended: it could not be started, Eqw',
    })
    expect(answers.calls).toContain('qdel 12')
  })

  it('writes a script that only the user may read', async () => {
    const answers = new Answers({ sbatch: [{ exitCode: 1, stdout: '', stderr: 'no' }] })
    const modes: number[] = []
    answers.onCall = ({ args }) => modes.push(statSync(args.at(-1)!).mode & 0o777)
    await submit('slurm', answers).ended
    expect(modes).toEqual([0o700])
  })

  it('tells when the folder of scripts cannot be made', async () => {
    writeFileSync(join(profileDir, 'log'), 'a file in its place')
    const answers = new Answers({})
    expect(await submit('slurm', answers).ended).toMatchObject({
      spawnError: expect.stringMatching(/EEXIST/),
    })
    expect(answers.calls).toEqual([])
  })

  it('reads a template from its file, and says when it is not there', async () => {
    const templateFile = join(profileDir, 'engines.sh')
    writeFileSync(templateFile, '#!/bin/sh\n# ours\n{command}\n')
    const launcher = batchLauncher('slurm', { templateFile }, profileDir)
    expect(launcher.script!(program, 1)).toMatch(/^#!\/bin\/sh\n# ours\nnode ipengine\.js/)
    rmSync(templateFile)
    expect(() => launcher.script!(program, 1)).toThrow(/batch\.templateFile: ENOENT/)
  })

  it('tells the end of what cannot even be submitted after it has given the job', async () => {
    const templateFile = join(profileDir, 'gone.sh')
    const launcher = batchLauncher('slurm', { templateFile }, profileDir, { run: new Answers({}).run })
    const said: string[] = []
    const ended = new Promise<ProgramEnd>(resolve => {
      const onEnd = (end: ProgramEnd): void => {
        said.push('ended')
        resolve(end)
      }
      launcher.submit(program, 1, { onEnd })
      said.push('given')
    })
    expect((await ended).spawnError).toMatch(/batch\.templateFile: ENOENT/)
    expect(said).toEqual(['given', 'ended'])
  })
})
