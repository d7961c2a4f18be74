import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newEngineUuid, taskName } from '../../../src/base/ids.ts'
import { EngineJobs, type PlannedSet } from '../../../src/cluster/engine-jobs.ts'
import type { GroupHandlers, GroupLauncher, Program } from '../../../src/cluster/launcher.ts'
import type { LaunchEvent, ProgramEnd } from '../../../src/cluster/state/launch-events.ts'

const program: Program = {
  name: 'ipengine',
  command: 'node',
  args: ['ipengine.js', '--timeout=60', '--', 'python3'],
  env: {},
  ownEnv: {},
  cwd: '/',
}
const ended = (exitCode: number): ProgramEnd => ({ exitCode, signal: null, output: 'the log' })

/** A launcher that only writes down what it is asked. */
class FakeLauncher implements GroupLauncher {
  readonly kind = 'group'
  readonly commands = []
  readonly name = 'mpi'
  readonly areRanks: boolean
  readonly lines: string[]
  readonly jobs: { readonly prefix: string; readonly handlers: GroupHandlers }[] = []
  /** It is that of a batch system, which knows the tasks of its jobs. */
  readonly isBatch: boolean

  constructor(lines: string[], { areRanks = false, isBatch = false } = {}) {
    this.lines = lines
    this.areRanks = areRanks
    this.isBatch = isBatch
  }

  submit({ args }: Program, count: number, handlers: GroupHandlers) {
    const number = this.jobs.length
    const [, prefix, ...options] = args
    this.jobs.push({ prefix: prefix!.slice('--uuid-prefix='.length), handlers })
    this.lines.push(
      [`job ${number}: ${count} copies`, ...options.slice(0, options.indexOf('--timeout=60'))].join(' '),
    )
    return {
      id: String(number),
      pid: 1000 + number,
      status: { state: 'running' as const },
      signal: (signal: string) => void this.lines.push(`job ${number}: ${signal}`),
      unref: () => {},
      ...(this.isBatch && {
        look: (task: string | undefined) => void this.lines.push(`job ${number}: look at ${task}`),
        signalTask: (task: string, signal: string) => {
          this.lines.push(`job ${number}, task ${task}: ${signal}`)
          return Promise.resolve()
        },
      }),
    }
  }
}

let lines: string[]
beforeEach(() => {
  lines = []
})

function jobsOf(...sets: PlannedSet[]): EngineJobs {
  return new EngineJobs({
    sets,
    tell: events => lines.push(events.map(describeEvent).join(', ')),
    endEngines: (uuids, signal) =>
      lines.push(`${signal} to ${uuids.map(uuid => uuid.split('-').at(-1)).join()}`),
    onSubmitted: () => {},
  })
}

function describeEvent(event: LaunchEvent): string {
  switch (event.type) {
    case 'engine_registered':
      return `${event.launch} is engine ${event.id}`
    case 'engine_leaving':
      return `${event.launch} leaves${event.restart ? ' to restart' : ''}`
    case 'engine_ended':
      return `${event.launch} ended with ${event.end.exitCode} ${event.end.reason ?? ''}`.trim()
    case 'job_ended':
      return `job of ${event.launches.join()} ended with ${event.end.exitCode}`
    default:
      return event.type
  }
}

/** What was said since the last call. */
function said(): string[] {
  return lines.splice(0)
}

describe('EngineJobs, of a group launcher', () => {
  it('makes one job of what is started at once, and knows its engines by their uuids', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 2, launcher, program })
    jobs.start(0, undefined)
    jobs.start(1, undefined)
    jobs.flush()
    const { prefix } = launcher.jobs[0]!
    jobs.notice({ type: 'came', id: 4, uuid: `js-${prefix}a` })
    jobs.notice({ type: 'came', id: 5, uuid: 'js-0123456789-b' })
    jobs.notice({ type: 'came', id: 6, uuid: `${prefix}c` })
    expect(said()).toEqual(['job 0: 2 copies', '0 is engine 4', '1 is engine 6'])
  })

  it('tells the end of one engine by what the hub says, and that of the rest by the job', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 3, launcher, program })
    for (const launch of [0, 1, 2]) jobs.start(launch, undefined)
    jobs.flush()
    const { prefix, handlers } = launcher.jobs[0]!
    for (const id of [0, 1, 2]) jobs.notice({ type: 'came', id, uuid: `${prefix}${id}` })
    said()
    jobs.notice({ type: 'went', uuid: `${prefix}0`, cause: { reason: 'connection lost' } })
    jobs.notice({ type: 'went', uuid: `${prefix}1`, cause: { shutdown: 'restart' } })
    handlers.onEnd(ended(1))
    expect(said()).toEqual([
      '0 ended with null connection lost',
      '1 leaves to restart, 1 ended with 0',
      'job of 2 ended with 1',
    ])
  })

  it('signals the job where all of it is meant, and single engines by way of the hub', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 2, launcher, program })
    jobs.start(0, undefined)
    jobs.start(1, undefined)
    jobs.flush()
    const { prefix } = launcher.jobs[0]!
    jobs.notice({ type: 'came', id: 0, uuid: `${prefix}zero` })
    said()
    jobs.signal(0, 'SIGTERM')
    jobs.flush()
    expect(said()).toEqual(['SIGTERM to zero'])
    jobs.signal(0, 'SIGKILL')
    jobs.signal(1, 'SIGTERM')
    jobs.flush()
    expect(said()).toEqual(['job 0: SIGTERM', 'job 0: SIGKILL'])
  })

  it('waits for nobody when a job ends well that was asked to', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 1, launcher, program })
    jobs.start(0, undefined)
    jobs.flush()
    const { prefix, handlers } = launcher.jobs[0]!
    jobs.notice({ type: 'came', id: 0, uuid: `${prefix}zero` })
    jobs.signal(0, 'SIGTERM')
    jobs.flush()
    said()
    handlers.onEnd(ended(0))
    expect(said()).toEqual(['job of 0 ended with 0'])
  })

  it('asks an engine to end that was not there yet when it was asked', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 2, launcher, program })
    jobs.start(0, undefined)
    jobs.start(1, undefined)
    jobs.flush()
    jobs.signal(0, 'SIGTERM')
    jobs.flush()
    said()
    jobs.notice({ type: 'came', id: 3, uuid: `${launcher.jobs[0]!.prefix}late` })
    expect(said()).toEqual(['0 is engine 3', 'SIGTERM to late'])
  })

  it('sends an engine away that comes back when its place is taken', () => {
    const launcher = new FakeLauncher(lines)
    const jobs = jobsOf({ n: 1, launcher, program })
    jobs.start(0, undefined)
    jobs.flush()
    const uuid = `${launcher.jobs[0]!.prefix}back`
    jobs.notice({ type: 'came', id: 0, uuid })
    jobs.notice({ type: 'went', uuid, cause: { reason: 'connection lost' } })
    said()
    jobs.notice({ type: 'came', id: 0, uuid })
    expect(said()).toEqual(['SIGTERM to back'])
  })

  it('puts what is added where most is missing', () => {
    const jobs = jobsOf(
      { n: 1, launcher: new FakeLauncher(lines), program },
      { n: 3, launcher: new FakeLauncher(lines), program },
    )
    for (let launch = 0; launch < 8; launch++) jobs.start(launch, undefined)
    jobs.flush()
    expect(said()).toEqual(['job 0: 2 copies', 'job 0: 6 copies'])
  })
})

describe('EngineJobs, of ranks', () => {
  it('waits for the job to end when one of them is gone, and gives its place and numbers to the next', () => {
    const launcher = new FakeLauncher(lines, { areRanks: true })
    const jobs = jobsOf({ n: 2, launcher, program })
    jobs.start(0, undefined)
    jobs.start(1, undefined)
    jobs.flush()
    const { prefix, handlers } = launcher.jobs[0]!
    jobs.notice({ type: 'came', id: 0, uuid: `${prefix}0` })
    jobs.notice({ type: 'came', id: 1, uuid: `${prefix}1` })
    said()
    jobs.notice({ type: 'went', uuid: `${prefix}1`, cause: { reason: 'connection lost' } })
    handlers.onEnd(ended(9))
    jobs.start(2, 0)
    jobs.start(3, 1)
    jobs.start(4, undefined)
    jobs.flush()
    expect(said()).toEqual(['job of 0,1 ended with 9', 'job 1: 3 copies --mpi --id=0'])
  })

  it('knows which end together, and gives the next ones their numbers where they are to be like them', () => {
    const launcher = new FakeLauncher(lines, { areRanks: true })
    const jobs = jobsOf({ n: 3, launcher, program })
    for (const launch of [0, 1, 2]) jobs.start(launch, undefined)
    jobs.flush()
    const { prefix, handlers } = launcher.jobs[0]!
    for (const id of [0, 1, 2]) jobs.notice({ type: 'came', id, uuid: `${prefix}${id}` })
    expect(jobs.ranksWith([1])).toEqual([0, 1, 2])
    said()
    jobs.signal(1, 'SIGTERM')
    jobs.flush()
    handlers.onEnd(ended(1))
    jobs.plan([0, 2])
    for (const launch of [3, 4]) jobs.start(launch, undefined)
    jobs.flush()
    expect(said()).toEqual(['job 0: SIGTERM', 'job of 0,1,2 ended with 1', 'job 1: 2 copies --mpi --id=0'])
  })

  it('takes a good end for the death of those that were not meant to end', () => {
    vi.useFakeTimers()
    const launcher = new FakeLauncher(lines, { areRanks: true })
    const jobs = jobsOf({ n: 2, launcher, program })
    for (const launch of [0, 1]) jobs.start(launch, undefined)
    jobs.flush()
    const { prefix, handlers } = launcher.jobs[0]!
    for (const id of [0, 1]) jobs.notice({ type: 'came', id, uuid: `${prefix}${id}` })
    said()
    jobs.signal(1, 'SIGTERM')
    jobs.flush()
    handlers.onEnd(ended(0))
    vi.runAllTimers()
    expect(said()).toEqual(['job 0: SIGTERM', 'job of 0,1 ended with null'])
  })

  it('numbers those that are added from the highest number on', () => {
    const launcher = new FakeLauncher(lines, { areRanks: true })
    const jobs = jobsOf({ n: 1, launcher, program })
    jobs.start(0, undefined)
    jobs.flush()
    jobs.notice({ type: 'came', id: 0, uuid: `${launcher.jobs[0]!.prefix}0` })
    jobs.notice({ type: 'came', id: 7, uuid: 'somebody-else' })
    said()
    jobs.start(1, undefined)
    jobs.flush()
    expect(said()).toEqual(['job 1: 1 copies --mpi --id=8'])
  })
})

describe('EngineJobs, of an array of a batch system', () => {
  let launcher: FakeLauncher
  let jobs: EngineJobs
  /** Uuids of the engines of the first job, by their tasks. */
  let uuids: readonly string[]
  beforeEach(() => {
    vi.useFakeTimers()
    launcher = new FakeLauncher(lines, { isBatch: true })
    jobs = jobsOf({ n: 3, launcher, program })
    for (const launch of [0, 1, 2]) jobs.start(launch, undefined)
    jobs.flush()
    const { prefix } = launcher.jobs[0]!
    uuids = ['0', '1', '2'].map(task => newEngineUuid(taskName(prefix, task)))
    // They come in any order.
    jobs.notice({ type: 'came', id: 0, uuid: uuids[2]! })
    jobs.notice({ type: 'came', id: 1, uuid: uuids[0]! })
    said()
  })
  afterEach(() => vi.useRealTimers())

  it('has the system say how an engine ended that the hub has lost', () => {
    jobs.notice({ type: 'went', uuid: uuids[2]!, cause: { reason: 'connection lost' } })
    expect(said()).toEqual(['job 0: look at 2'])
    launcher.jobs[0]!.handlers.onTaskEnd!('2', ended(7))
    expect(said()).toEqual(['0 ended with 7'])
    vi.runAllTimers()
    jobs.notice({ type: 'went', uuid: uuids[2]!, cause: undefined })
    launcher.jobs[0]!.handlers.onTaskEnd!('2', ended(7))
    expect(said()).toEqual([])
  })

  it('ends the task of an engine that is lost, and of which the system says nothing', () => {
    jobs.notice({ type: 'went', uuid: uuids[0]!, cause: { reason: 'connection lost' } })
    vi.runAllTimers()
    expect(said()).toEqual([
      'job 0: look at 0',
      'job 0, task 0: SIGTERM',
      '1 ended with null connection lost',
    ])
  })

  it('goes on with an engine that was lost for a moment', () => {
    jobs.notice({ type: 'went', uuid: uuids[0]!, cause: { reason: 'connection lost' } })
    jobs.notice({ type: 'came', id: 1, uuid: uuids[0]! })
    vi.runAllTimers()
    expect(said()).toEqual(['job 0: look at 0', '1 is engine 1'])
  })

  it('takes the end of a task that no engine has named for that of one which has not come', () => {
    launcher.jobs[0]!.handlers.onTaskEnd!('1', ended(4))
    expect(said()).toEqual(['2 ended with 4'])
  })

  it('waits for what the hub says of an engine that ended well', () => {
    launcher.jobs[0]!.handlers.onTaskEnd!('0', ended(0))
    expect(said()).toEqual([])
    jobs.notice({ type: 'went', uuid: uuids[0]!, cause: { shutdown: 'restart' } })
    expect(said()).toEqual(['1 leaves to restart, 1 ended with 0'])
    launcher.jobs[0]!.handlers.onTaskEnd!('2', ended(0))
    vi.runAllTimers()
    expect(said()).toEqual(['0 ended with 0'])
  })

  it('kills a single engine by the hub and by the system', () => {
    jobs.signal(0, 'SIGKILL')
    jobs.flush()
    expect(said().map(line => line.replace(/to .*/, 'to one'))).toEqual([
      'SIGKILL to one',
      'job 0, task 2: SIGKILL',
    ])
  })

  it('sends other signals by the system, to those whose task it knows', async () => {
    await jobs.signalBySystem(1, 'SIGUSR1')
    expect(jobs.signalBySystem(2, 'SIGUSR1')).toBeUndefined()
    expect(said()).toEqual(['job 0, task 0: SIGUSR1'])
  })
})

describe('EngineJobs, of a job with one engine', () => {
  it('ends the job when its engine is lost, and the system says nothing', () => {
    vi.useFakeTimers()
    const launcher = new FakeLauncher(lines, { isBatch: true })
    const jobs = jobsOf({ n: 1, launcher, program })
    jobs.start(0, undefined)
    jobs.flush()
    const uuid = newEngineUuid(launcher.jobs[0]!.prefix)
    jobs.notice({ type: 'came', id: 0, uuid })
    jobs.notice({ type: 'went', uuid, cause: undefined })
    said()
    vi.runAllTimers()
    expect(said()).toEqual(['job 0, task : SIGTERM', '0 ended with 0'])
    vi.useRealTimers()
  })
})
