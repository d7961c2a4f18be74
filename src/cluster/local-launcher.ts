import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { Job, JobHandlers, Program, SingleLauncher } from './launcher.ts'
import { KEEPER_VARIABLE, LIFELINE_FD, LIFELINE_VARIABLE, parseLifelineLine } from './lifeline.ts'
import { OwnedProcess } from './owned-process.ts'

/** Starts programs as processes of this machine. */
export const localLauncher: SingleLauncher = {
  kind: 'single',
  name: 'local',
  submit: startHere,
}

function startHere(program: Program, handlers: JobHandlers): Job {
  const { command, args, cwd, env } = program
  const owned = new OwnedProcess({
    command,
    args,
    cwd,
    env: { ...env, [LIFELINE_VARIABLE]: String(LIFELINE_FD), [KEEPER_VARIABLE]: String(process.pid) },
    hasPipe: true,
    onEnd: handlers.onEnd,
  })
  if (owned.pipe !== undefined) readLifeline(owned.pipe, owned, handlers)
  return owned
}

function readLifeline(lifeline: Duplex, owned: OwnedProcess, handlers: JobHandlers): void {
  let rest = ''
  lifeline.setEncoding('utf8')
  lifeline.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = parseLifelineLine(line)
      if (event !== undefined && !owned.hasEnded) handlers.onEvent(event)
    }
  })
}
