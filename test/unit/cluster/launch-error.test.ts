import { describe, expect, it } from 'vitest'
import { endError, howItEnded, startError } from '../../../src/cluster/launch-error.ts'
import type { Program } from '../../../src/cluster/launcher.ts'
import { SubmitError } from '../../../src/errors.ts'

const program = (name: string): Program => ({
  name,
  command: '/bin/node',
  args: [`/x/${name}.js`, '--a=b c'],
  env: {},
  ownEnv: {},
  cwd: '/',
})
const programs = {
  controller: program('ipcontroller'),
  engine: () => program('ipengine'),
  waitingJobs: [],
  startTimeoutMs: 60_000,
}
const end = { exitCode: 1, signal: null, output: 'first\nsecond' }

describe('startError', () => {
  it('tells command, exit code and last output', () => {
    const error = startError({ type: 'controller_ended', end, wasReady: false }, programs)
    expect(error).toBeInstanceOf(SubmitError)
    expect(error.message).toBe(
      [
        'ipcontroller ended with exit code 1 before it was ready.',
        "  command: /bin/node /x/ipcontroller.js '--a=b c'",
        '  last output:',
        '    first',
        '    second',
      ].join('\n'),
    )
  })

  it('tells why a controller that is there could not be reached', () => {
    const failure = { type: 'timed_out', controllerReady: false, registered: 0, wanted: 2 } as const
    const error = startError(failure, { ...programs, controllerProblem: 'nobody answers' })
    expect(error.message).toBe('the controller was not ready within 60 s: nobody answers')
  })

  it('tells why a program could not be started', () => {
    const failed = { exitCode: null, signal: null, output: '', spawnError: 'spawn ENOENT' }
    const error = startError({ type: 'engine_ended', launch: 0, end: failed }, programs)
    expect(error.message).toMatch(/^ipengine could not be started \(spawn ENOENT\)\./)
    expect(error.message).toMatch(/It wrote nothing\.$/)
  })

  it('tells how far it came when time was up', () => {
    const base = { type: 'timed_out', registered: 3, wanted: 4 } as const
    expect(startError({ ...base, controllerReady: true }, programs).message).toMatch(
      /^3 of 4 engines registered within 60 s/,
    )
    expect(startError({ ...base, controllerReady: false }, programs).message).toMatch(/not ready within 60 s/)
  })

  it('tells what jobs wait for when time was up', () => {
    const failure = { type: 'timed_out', registered: 0, wanted: 4, controllerReady: true } as const
    const waitingJobs = ['job 7 has not begun to run: it is held']
    expect(startError(failure, { ...programs, waitingJobs }).message).toMatch(
      /\n {2}job 7 has not begun to run: it is held$/,
    )
  })
})

describe('endError', () => {
  it('says that the cluster is gone with its controller', () => {
    const killed = { exitCode: null, signal: 'SIGKILL', output: '' }
    const error = endError({ type: 'controller_ended', end: killed, wasReady: true }, programs)
    expect(error.message).toMatch(/^ipcontroller was ended by SIGKILL unasked\. The cluster was stopped/)
  })
})

describe('howItEnded', () => {
  it('names exit code, signal, or why it did not start', () => {
    expect(howItEnded(end)).toBe('ended with exit code 1')
    expect(howItEnded({ exitCode: null, signal: 'SIGSEGV', output: '' })).toBe('was ended by SIGSEGV')
    expect(howItEnded({ ...end, spawnError: 'EAGAIN' })).toBe('could not be started (EAGAIN)')
  })
})
