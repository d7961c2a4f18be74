/** Clusters whose controller is started by mpiexec, with every MPI library that is installed. */

import process from 'node:process'
import { Cluster } from 'itsparallel'
import type { MPI as Mpi } from 'itsparallel/mpi'
import { describe, expect, it } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'
import { worldForEach } from '../support/world-for-each.ts'

/** A name in the namespace of the engines. */
declare const MPI: typeof Mpi

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

const families = mpiFamilies()
skipAloudWithout(families, 'a controller by mpiexec', 'no MPI library is installed')

describe.each(families)('a controller by the mpiexec of $name', ({ mpiexec, options }) => {
  const mpi = { command: mpiexec, args: options }

  it('serves engines of this machine, and leaves nothing', async () => {
    const cluster = await Cluster.start({ n: 2, controller: 'mpi', mpi })
    const isIt = (line: string): boolean => line.startsWith(`${mpiexec} `) && line.includes(' -n 1 ')
    expect(world.commandLines().filter(isIt)).toHaveLength(1)
    const rc = await cluster.connect()
    expect(await rc.loadBalancedView().map(i => i * i, [1, 2, 3])).toEqual([1, 4, 9])
    await rc.close()
    await cluster.stop()
    await eventually(() => world.processes().length === 0)
    expect(world.files()).toEqual([])
  })

  it('serves engines that mpiexec has started', async () => {
    const cluster = await Cluster.start({ n: 2, controller: 'mpi', engines: 'mpi', mpi })
    const rc = await cluster.connect()
    expect(await rc.directView().apply(() => MPI.COMM_WORLD.size)).toEqual([2, 2])
    await rc.close()
    await cluster.stop()
    await eventually(() => world.processes().length === 0)
    expect(world.files()).toEqual([])
  })

  it.each(['SIGKILL', 'SIGINT'] as const)('ends with a keeper that gets %s', async signal => {
    const settings = JSON.stringify({ mpi })
    const keeper = world.start('ipcluster', [
      'start',
      '--n=1',
      '--controller=mpi',
      `--launcher-settings=${settings}`,
    ])
    await keeper.printed(/1 engines are up/)
    process.kill(keeper.pid, signal)
    await keeper.finished
    await eventually(() => world.processes().length === 0)
    expect(world.files()).toEqual([])
  })

  it('says what it said when it died at once', async () => {
    const start = Cluster.start({ n: 1, controller: 'mpi', mpi, controllerArgs: ['--scheme=alphabetical'] })
    const error = await start.then(
      () => expect.unreachable('it started'),
      (reason: Error) => reason,
    )
    expect(error.message).toMatch(/ipcontroller ended with exit code 2 before it was ready/)
    expect(error.message).toContain('there is no scheme "alphabetical"')
    expect(error.message).toContain(`command: ${mpiexec} `)
    await eventually(() => world.processes().length === 0)
    expect(world.files()).toEqual([])
  })
})
