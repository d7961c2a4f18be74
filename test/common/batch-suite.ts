/** What starting a cluster through any batch system must do. */

import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Cluster, type ClusterOptions, EngineError, InvalidTargetError, SubmitError } from 'itsparallel'
import type { MPI as MpiType } from 'itsparallel/mpi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { BATCH_SYSTEMS } from '../../src/cluster/batch/systems.ts'
import type { BatchSystemName } from '../../src/config/launcher-names.ts'
import type { PrivateSystem } from '../support/batch/daemons.ts'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { MPI_ENVIRONMENT, mpiFamilies } from '../support/mpi.ts'

/** What engines started with --mpi have in their namespace. */
declare const MPI: typeof MpiType

export interface BatchSuite {
  readonly title: string
  readonly launcher: BatchSystemName
  /** Whether it is installed. */
  readonly isPresent: boolean
  /** What to install. */
  readonly packages: string
  readonly start: () => Promise<PrivateSystem>
  /** Settings that jobs need here. */
  readonly batch?: ClusterOptions['batch']
  /** Settings that the system refuses, and what it then says. */
  readonly refused: { readonly batch: ClusterOptions['batch']; readonly message: RegExp }
  /** Directives by which jobs have to wait, and what the system says of that; undefined where the fake lets none wait. */
  readonly waits?: readonly { readonly directive: string; readonly says: RegExp }[]
  /** Whether jobs of ranks run here as well. */
  readonly mpi?: boolean
  /** Seconds after which a job is ended that may run so long, where the system is that exact. */
  readonly walltime?: number
}

/** The suite; without the system it is skipped and says so, or fails where every test is required. */
export function batchSuite(suite: BatchSuite): void {
  const { title, isPresent, packages } = suite
  if (!isPresent && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
    throw new Error(`${title}: ${packages} must be there, as root, and every test is required to run`)
  describe.skipIf(!isPresent)(isPresent ? title : `${title} (skipped: needs ${packages}, and root)`, () =>
    tests(suite),
  )
}

function tests({ launcher, start, batch, refused, waits = [], walltime, mpi }: BatchSuite): void {
  const { taskVariable, firstTask, signal } = BATCH_SYSTEMS[launcher]
  const hasArrays = batch?.array !== false
  const canStop = hasArrays && signal('1', 'SIGSTOP') !== undefined
  let system: PrivateSystem
  let world: ClusterWorld
  beforeAll(async () => {
    system = await start()
  }, 60_000)
  afterAll(() => system?.close(), 30_000)
  beforeEach(() => {
    world = new ClusterWorld()
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    for (const [name, value] of Object.entries(system.env)) vi.stubEnv(name, value)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await world.close()
  })

  const options = (more: ClusterOptions = {}): ClusterOptions => ({
    n: 2,
    engines: launcher,
    ...more,
    batch: { ...batch, ...more.batch },
  })

  async function expectNothingLeft(): Promise<void> {
    await eventually(() => system.queue().length === 0, 15_000, 'the queue is empty')
    await eventually(() => world.processes().length === 0)
  }

  it('runs tasks on engines in jobs, replaces one that dies, and leaves nothing in the queue', async () => {
    const cluster = await Cluster.start(options({ controllerArgs: ['--ping=500'] }))
    const rc = await cluster.connect()
    expect(rc.ids).toEqual([0, 1])
    const view = rc.loadBalancedView()
    expect(await view.map((x: number) => x * x, [1, 2, 3, 4, 5, 6])).toEqual([1, 4, 9, 16, 25, 36])

    const pid = await rc.at(1).apply(() => process.pid)
    const others = new Promise<void>(resolve => {
      rc.on('engine:registered', () => resolve())
    })
    process.kill(pid, 'SIGKILL')
    await others
    expect(await rc.directView().apply(() => 1)).toEqual([1, 1])

    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
    expect(world.files()).toEqual([])
  }, 60_000)

  it('tells how an engine ended, with the last lines of its log, and replaces it', async () => {
    const warnings: string[] = []
    const warn = (message: string, fields?: object): void => {
      warnings.push(`${message} ${JSON.stringify(fields)}`)
    }
    const cluster = await Cluster.start(options({ log: { ...silentLogger, warn } }))
    const rc = await cluster.connect()
    const replaced = new Promise<void>(resolve => {
      rc.on('engine:registered', () => resolve())
    })
    const lost = rc.at(1).apply(async () => {
      const { writeSync } = await import('node:fs')
      writeSync(2, 'the disk is full\n')
      process.exit(7)
    })
    await expect(lost).rejects.toThrow(EngineError)
    await replaced
    if (hasArrays)
      expect(warnings.join('\n')).toMatch(
        /engine 1 ended with exit code 7; another takes its place .*the disk is full/,
      )
    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
  }, 60_000)

  if (hasArrays)
    it('fails at once when one of an array dies, and shows its log', async () => {
      const last = firstTask + 2
      const prologue = `if [ "$${taskVariable}" = ${last} ]; then echo nothing here in task ${last} >&2; exit 4; fi`
      const failed = Cluster.start(options({ n: 3, timeout: 600, batch: { prologue } }))
      await expect(failed).rejects.toThrow(/ended with exit code 4 before it had registered/)
      await expect(failed).rejects.toThrow(new RegExp(`nothing here in task ${last}`))
      await expectNothingLeft()
    }, 60_000)

  if (canStop)
    it('signals engines through the system, also those that do not hear the hub', async () => {
      const cluster = await Cluster.start(options({ controllerArgs: ['--ping=20000'] }))
      const rc = await cluster.connect()
      const pid = await rc.at(1).apply(() => process.pid)
      await cluster.signalEngines('SIGSTOP', { targets: [1] })
      await eventually(() => stateOf(pid) === 'T', 10_000, 'the engine is stopped')
      const answer = rc.at(1).apply(() => 6 * 7)
      expect(await rc.at(0).apply(() => 1)).toBe(1)
      await cluster.signalEngines('SIGCONT', { targets: [1] })
      expect(await answer).toBe(42)
      await expect(cluster.signalEngines('SIGCONT', { targets: [5] })).rejects.toThrow(InvalidTargetError)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

  it('runs the controller in a job, too', async () => {
    const cluster = await Cluster.start(options({ n: 1, controller: launcher }))
    await using rc = await cluster.connect()
    expect(await rc.at(0).apply(() => 6 * 7)).toBe(42)
    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
    expect(world.files()).toEqual([])
  }, 60_000)

  it('shows the last lines of a job that dies at once', async () => {
    const failed = Cluster.start(options({ batch: { prologue: 'echo no such module >&2; exit 3' } }))
    await expect(failed).rejects.toThrow(SubmitError)
    await expect(failed).rejects.toThrow(/last output:\n {4}no such module/)
    await expectNothingLeft()
  }, 60_000)

  it('says what is wrong with what the system refuses', async () => {
    const failed = Cluster.start(options(refused))
    await expect(failed).rejects.toThrow(SubmitError)
    await expect(failed).rejects.toThrow(refused.message)
    await expectNothingLeft()
  }, 60_000)

  for (const { directive, says } of waits)
    it(`tells that jobs wait when time is up, and why, and cancels them: ${directive}`, async () => {
      const failed = Cluster.start(options({ timeout: 4, batch: { directives: [directive] } }))
      await expect(failed).rejects.toThrow(/0 of 2 engines registered within 4 s/)
      await expect(failed).rejects.toThrow(/\n {2}job \d+ has not begun to run: /)
      await expect(failed).rejects.toThrow(says)
      await expectNothingLeft()
    }, 60_000)

  it.each(mpi === true ? mpiFamilies() : [])(
    'runs ranks of $name in one job, all of them anew when one dies',
    async ({ mpiexec }) => {
      const settings = { mpi: true, environment: MPI_ENVIRONMENT }
      const cluster = await Cluster.start(options({ n: 3, mpi: { command: mpiexec }, batch: settings }))
      const rc = await cluster.connect()
      const ranks = () =>
        rc.directView().apply(() => [MPI.COMM_WORLD.rank, MPI.COMM_WORLD.allreduce(1), process.pid])
      const first = await ranks()
      expect(first.map(([rank, size]) => [rank, size])).toEqual([0, 1, 2].map(rank => [rank, 3]))
      const back = new Promise<void>(resolve => {
        let came = 0
        rc.on('engine:registered', () => {
          came += 1
          if (came === 3) resolve()
        })
      })
      process.kill(first[1]![2]!, 'SIGKILL')
      await back
      expect((await ranks()).map(([rank, size]) => [rank, size])).toEqual([0, 1, 2].map(rank => [rank, 3]))
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    },
    60_000,
  )

  if (walltime !== undefined)
    it('tells when the time of an engine is up, and replaces it', async () => {
      const warnings: string[] = []
      const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
      const cluster = await Cluster.start(options({ n: 1, log, batch: { walltime } }))
      const rc = await cluster.connect()
      await new Promise<void>(resolve => {
        rc.on('engine:registered', () => resolve())
      })
      expect(warnings[0]).toMatch(/engine 0 was ended by SIGKILL; another takes its place/)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

  it('cancels its jobs when the start is given up', async () => {
    const giveUp = new AbortController()
    const started = Cluster.start(options({ signal: giveUp.signal, batch: { prologue: 'exec sleep 600' } }))
    started.catch(() => {})
    await eventually(() => system.queue().length > 0, 15_000, 'a job is in the queue')
    giveUp.abort(new Error('changed my mind'))
    await expect(started).rejects.toThrow('changed my mind')
    await expectNothingLeft()
  }, 60_000)
}

/** The state of a process, by proc(5): R, S, T, … */
function stateOf(pid: number): string | undefined {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
}
