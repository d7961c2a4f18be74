/** Makes one clear error of a failed launch: the command, how it ended, its last output, and what to do. */

import { LauncherError, NotRunningError, SubmitError } from '../errors.ts'
import type { Program } from './launcher.ts'
import { commandLine } from './program.ts'
import type { LaunchFailure, LaunchNumber, ProgramEnd } from './state/launch-events.ts'

export interface LaunchPrograms {
  readonly controller: Program | undefined
  /** The program of the engine that was started under this number. */
  engine(launch: LaunchNumber): Program
  /** Jobs that have not begun to run, each with what is known of it. */
  readonly waitingJobs: readonly string[]
  /** Why the controller could not be reached, where that is known. */
  readonly controllerProblem?: string | undefined
  readonly startTimeoutMs: number
}

/** Why a cluster or some engines did not come up. */
export function startError(failure: LaunchFailure, programs: LaunchPrograms): LauncherError {
  switch (failure.type) {
    case 'controller_ended':
      return endedError(programs.controller, failure.end, 'before it was ready')
    case 'engine_ended':
      return endedError(programs.engine(failure.launch), failure.end, 'before it had registered')
    case 'timed_out': {
      const seconds = programs.startTimeoutMs / 1000
      const jobs = programs.waitingJobs.map(job => `\n  ${job}`).join('')
      const problem = programs.controllerProblem === undefined ? '' : `: ${programs.controllerProblem}`
      if (!failure.controllerReady)
        return new SubmitError(`the controller was not ready within ${seconds} s${problem}${jobs}`)
      return new SubmitError(
        `${failure.registered} of ${failure.wanted} engines registered within ${seconds} s. Give them longer with \`timeout\`, or start fewer.${jobs}`,
      )
    }
    case 'controller_gone':
      return new NotRunningError('the controller was gone before the engines were up')
    case 'stopped':
      return new LauncherError('the cluster was stopped before it was up')
  }
}

/** Why a cluster that was up is no longer. */
export function endError(failure: LaunchFailure, programs: LaunchPrograms): LauncherError {
  if (failure.type === 'controller_ended') {
    return endedError(
      programs.controller,
      failure.end,
      'unasked. The cluster was stopped; results that were not taken are lost',
    )
  }
  if (failure.type === 'engine_ended') {
    return endedError(
      programs.engine(failure.launch),
      failure.end,
      'and it was the last one. As a rule the controller is gone',
    )
  }
  return new NotRunningError('the cluster is not running')
}

function endedError(program: Program | undefined, end: ProgramEnd, when: string): SubmitError {
  const name = program?.name ?? 'the controller'
  const how = end.spawnError === undefined ? `${name} ${howItEnded(end)}` : `${name} could not be started`
  const lines = [`${how} ${end.spawnError === undefined ? when : `(${end.spawnError})`}.`]
  const command = end.command ?? (program === undefined ? undefined : commandLine(program))
  if (command !== undefined) lines.push(`  command: ${command}`)
  if (end.output === '') lines.push('  It wrote nothing.')
  else lines.push('  last output:', ...end.output.split('\n').map(line => `    ${line}`))
  if (end.hint !== undefined) lines.push(`  hint: ${end.hint}`)
  return new SubmitError(lines.join('\n'))
}

/** `ended with exit code 1`, `was ended by SIGKILL`. */
export function howItEnded(end: ProgramEnd): string {
  if (end.spawnError !== undefined) return `could not be started (${end.spawnError})`
  if (end.signal !== null)
    return `was ended by ${end.signal}${end.reason === undefined ? '' : ` (${end.reason})`}`
  return end.exitCode === null
    ? `is gone (${end.reason ?? 'nobody knows why'})`
    : `ended with exit code ${end.exitCode}`
}
