import process from 'node:process'
import { describe, expect, it } from 'vitest'
import type { Program } from '../../../src/cluster/launcher.ts'
import type { LifelineEvent } from '../../../src/cluster/lifeline.ts'
import { localLauncher } from '../../../src/cluster/local-launcher.ts'
import type { ProgramEnd } from '../../../src/cluster/state/launch-events.ts'
import { isRunning } from '../../../src/config/process-identity.ts'
import { eventually } from '../../support/cluster-world.ts'

/** A stand-in for a program of a cluster, given as source. */
function program(source: string): Program {
  return {
    name: 'stand-in',
    command: process.execPath,
    args: ['--input-type=module', '--eval', source],
    env: process.env,
    ownEnv: {},
    cwd: process.cwd(),
  }
}

function submit(what: Program) {
  const events: LifelineEvent[] = []
  let onEvent: (event: LifelineEvent) => void = () => {}
  const first = new Promise<LifelineEvent>(resolve => {
    onEvent = resolve
  })
  let job: ReturnType<typeof localLauncher.submit> | undefined
  const ended = new Promise<ProgramEnd>(resolve => {
    job = localLauncher.submit(what, {
      onEvent: event => {
        events.push(event)
        onEvent(event)
      },
      onEnd: resolve,
    })
  })
  return { job: job!, events, first, ended }
}

const READY = `import { writeSync } from 'node:fs'; writeSync(3, '{"type":"ready"}\\n');`

describe('localLauncher', () => {
  it('passes on what a program tells, also its last words, and how it ended', async () => {
    const { events, ended } = submit(
      program(
        `${READY} writeSync(3, '{"type":"leaving"}\\nno JSON\\n'); console.log('out'); console.error('err'); process.exit(3)`,
      ),
    )
    expect(await ended).toEqual({ exitCode: 3, signal: null, output: 'out\nerr' })
    expect(events).toEqual([{ type: 'ready' }, { type: 'leaving', restart: false }])
  })

  it('sends signals, and names the one that ended it', async () => {
    const { job, first, ended } = submit(program(`${READY} setInterval(() => {}, 1000)`))
    await first
    job.signal('SIGKILL')
    expect(await ended).toEqual({ exitCode: null, signal: 'SIGKILL', output: '' })
    job.signal('SIGTERM')
  })

  it('says why a program could not be started', async () => {
    const { job, ended } = submit({ ...program(''), command: '/nowhere/node' })
    expect((await ended).spawnError).toMatch(/ENOENT/)
    expect(job.pid).toBe(-1)
    job.signal('SIGTERM')
  })

  it('ends what the program has started, however the program ends', async () => {
    const { ended } = submit(
      program(`import { spawn } from 'node:child_process'
        const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
        console.log(child.pid)
        process.exit(0)`),
    )
    const { output } = await ended
    const child = { pid: Number(output), startTicks: null }
    expect(child.pid).toBeGreaterThan(0)
    await eventually(() => !isRunning(child))
  })
})
