/** How the ranks of an MPI program, which live and die together, end and start again. */

import process from 'node:process'
import { type Client, Cluster } from 'itsparallel'
import type { MPI as MpiType } from 'itsparallel/mpi'
import { describe, expect, it } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'
import { worldForEach } from '../support/world-for-each.ts'

/** What engines started with --mpi have in their namespace. */
declare const MPI: typeof MpiType

const TEST_MS = 60_000

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

function start(family: MpiFamily, n: number): Promise<Cluster> {
  return Cluster.start({ engines: 'mpi', n, mpi: { command: family.mpiexec, args: family.options } })
}

async function stop(cluster: Cluster, rc: Client): Promise<void> {
  await rc.close()
  await cluster.stop()
  await eventually(() => world.processes().length === 0)
  expect(world.files()).toEqual([])
}

/** Number, rank, size of the world and process of each engine. */
function roster(rc: Client): PromiseLike<[id: number, rank: number, size: number, pid: number][]> {
  return Promise.all(
    rc.ids.map(async id => {
      const [rank, size, pid] = await rc
        .at(id)
        .apply(() => [MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size, process.pid] as const)
      return [id, rank, size, pid] as [number, number, number, number]
    }),
  )
}

function withoutPids(engines: readonly (readonly number[])[]): (readonly number[])[] {
  return engines.map(engine => engine.slice(0, 3))
}

/** Resolves when so many engines have registered from now on. */
function registered(rc: Client, count: number): Promise<void> {
  return new Promise(resolve => {
    let came = 0
    const onRegistered = (): void => {
      came += 1
      if (came < count) return
      rc.off('engine:registered', onRegistered)
      resolve()
    }
    rc.on('engine:registered', onRegistered)
  })
}

/** Has all ranks reduce without end; resolves when they do. */
async function reduceForEver(rc: Client): Promise<{ readonly answer: PromiseLike<unknown> }> {
  const goes = new Promise<void>(resolve => {
    let printed = 0
    rc.on('stdout', () => {
      printed += 1
      if (printed === rc.ids.length) resolve()
    })
  })
  const answer = rc.directView().apply(() => {
    console.log('goes')
    const [mine, sum] = [new Float64Array(1000), new Float64Array(1000)]
    for (;;) MPI.COMM_WORLD.Allreduce(mine, sum)
  })
  await goes
  return { answer }
}

const families = mpiFamilies()

skipAloudWithout(families, 'lives of MPI clusters', 'neither openmpi-bin nor mpich is installed')

describe.each(families)('ranks under $name', family => {
  it(
    'start again when one is killed in a collective call, whose error comes within 5 seconds',
    async () => {
      const cluster = await start(family, 3)
      const rc = await cluster.connect()
      const before = await roster(rc)
      const { answer } = await reduceForEver(rc)
      const back = registered(rc, 3)
      const startMs = performance.now()
      process.kill(before[1]![3], 'SIGKILL')
      await expect(answer).rejects.toThrow(/engine 1/)
      // The promise of a bound is the point here, not a speed.
      expect(performance.now() - startMs).toBeLessThan(5000)
      await back
      const after = await roster(rc)
      expect(withoutPids(after)).toEqual(withoutPids(before))
      expect(after.some(([, , , pid]) => before.some(old => old[3] === pid))).toBe(false)
      expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual([3, 3, 3])
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it(
    'start again when mpiexec itself is killed',
    async () => {
      const cluster = await start(family, 2)
      const rc = await cluster.connect()
      const before = await roster(rc)
      const { answer } = await reduceForEver(rc)
      const back = registered(rc, 2)
      const mpiexec = world.processes().find(pid => world.commandLine(pid).startsWith(family.mpiexec))!
      process.kill(mpiexec, 'SIGKILL')
      await expect(answer).rejects.toThrow(/engine [01]/)
      await back
      expect(withoutPids(await roster(rc))).toEqual(withoutPids(before))
      await eventually(() => before.every(([, , , pid]) => !world.processes().includes(pid)))
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it(
    'are fewer when some of them are stopped, in a new world',
    async () => {
      const cluster = await start(family, 3)
      const rc = await cluster.connect()
      const before = await roster(rc)
      const back = registered(rc, 2)
      await cluster.stopEngines([1])
      await back
      const after = await roster(rc)
      expect(withoutPids(after)).toEqual([
        [0, 0, 2],
        [1, 1, 2],
      ])
      expect(after.some(([, , , pid]) => before.some(old => old[3] === pid))).toBe(false)
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it(
    'are added as a second world beside the first',
    async () => {
      const cluster = await start(family, 2)
      const rc = await cluster.connect()
      expect(await cluster.addEngines(2)).toEqual([2, 3])
      expect(withoutPids(await roster(rc))).toEqual([
        [0, 0, 2],
        [1, 1, 2],
        [2, 0, 2],
        [3, 1, 2],
      ])
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it.each([{ targets: [1] }, {}])(
    'start again together, with their numbers, by restartEngines(%j)',
    async choice => {
      const cluster = await start(family, 2)
      const rc = await cluster.connect()
      const before = await roster(rc)
      await rc.directView().push({ kept: true })
      await cluster.restartEngines(choice)
      await eventually(() => rc.ids.length === 2)
      const after = await roster(rc)
      expect(withoutPids(after)).toEqual(withoutPids(before))
      expect(after.some(([, , , pid]) => before.some(old => old[3] === pid))).toBe(false)
      expect(await rc.directView().apply(() => typeof Reflect.get(globalThis, 'kept'))).toEqual([
        'undefined',
        'undefined',
      ])
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it(
    'are interrupted together by signalEngines, and keep their names',
    async () => {
      const cluster = await start(family, 2)
      const rc = await cluster.connect()
      await rc.directView().push({ kept: 7 })
      const { answer } = await reduceForEver(rc)
      await cluster.signalEngines('SIGINT')
      await expect(answer).rejects.toThrow('KeyboardInterrupt')
      expect(await rc.directView().pull('kept')).toEqual([7, 7])
      expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual([2, 2])
      await stop(cluster, rc)
    },
    TEST_MS,
  )

  it(
    'end with the cluster while they reduce without end',
    async () => {
      const cluster = await start(family, 3)
      const rc = await cluster.connect()
      const { answer } = await reduceForEver(rc)
      const failed = expect(answer).rejects.toThrow()
      await cluster.stop()
      await failed
      await stop(cluster, rc)
    },
    TEST_MS,
  )
})
