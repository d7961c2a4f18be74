import { beforeEach, describe, expect, it } from 'vitest'
import { deferred } from '../../../src/base/deferred.ts'
import { ControllerJob } from '../../../src/cluster/controller-job.ts'
import type {
  GroupHandlers,
  GroupJob,
  GroupLauncher,
  JobHandlers,
  Program,
  SingleLauncher,
} from '../../../src/cluster/launcher.ts'
import type { ProgramEnd } from '../../../src/cluster/state/launch-events.ts'

const program: Program = { name: 'ipcontroller', command: 'x', args: [], env: {}, ownEnv: {}, cwd: '/' }
const end: ProgramEnd = { exitCode: 1, signal: null, output: '' }
const submitted: GroupJob = {
  pid: 5,
  id: '5',
  status: { state: 'running' },
  signal: () => {},
  unref: () => {},
}

/** What the keeper is told, in order. */
let told: string[]
let listening: ReturnType<typeof deferred<boolean>>
let handlers: JobHandlers & GroupHandlers

beforeEach(() => {
  told = []
  listening = deferred()
})

const single: SingleLauncher = {
  kind: 'single',
  name: 'local',
  submit: (_program, given) => {
    handlers = given
    return submitted
  },
}

const group: GroupLauncher = {
  kind: 'group',
  name: 'mpi',
  areRanks: false,
  commands: [],
  submit: (_program, count, given) => {
    told.push(`${count} copy`)
    handlers = given as JobHandlers & GroupHandlers
    return submitted
  },
}

function started(launcher: SingleLauncher | GroupLauncher): ControllerJob {
  const controller = new ControllerJob({
    launcher,
    program,
    untilListening: () => {
      told.push('is looked for')
      return listening.promise
    },
    onReady: () => told.push('ready'),
    onEnd: ({ exitCode }) => told.push(`ended with ${exitCode}`),
    onSubmitted: () => told.push('submitted'),
  })
  expect(controller.job).toBeUndefined()
  controller.start()
  expect(controller.job).toBe(submitted)
  return controller
}

describe('ControllerJob', () => {
  it('is ready when a program of this machine says so on its pipe', () => {
    started(single)
    handlers.onEvent({ type: 'leaving', restart: false })
    expect(told).toEqual([])
    handlers.onEvent({ type: 'ready' })
    expect(told).toEqual(['ready'])
  })

  it('is one copy of what a group launcher starts, and ready when it answers', async () => {
    started(group)
    handlers.onSubmitted?.()
    expect(told).toEqual(['1 copy', 'is looked for', 'submitted'])
    listening.resolve(true)
    await listening.promise
    expect(told.at(-1)).toBe('ready')
  })

  it('is never ready when nobody looks for it any more', async () => {
    started(group)
    listening.resolve(false)
    await listening.promise
    expect(told).toEqual(['1 copy', 'is looked for'])
  })

  it('has no job any more by the time that its end is told', () => {
    for (const launcher of [single, group]) {
      const controller = started(launcher)
      handlers.onEnd(end)
      expect(controller.job).toBeUndefined()
      expect(told.at(-1)).toBe('ended with 1')
    }
  })
})
