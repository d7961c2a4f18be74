/** Jobs over several machines: a Slurm with nodes of their own addresses, from which engines must find the controller. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Cluster, type ClusterOptions } from 'itsparallel'
import type { MPI as MpiType } from 'itsparallel/mpi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { hasSlurmTorque, type SlurmSystem, startSlurm } from '../support/batch/slurm.ts'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { MPI_ENVIRONMENT, type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'
import { hasNetworks, Network } from '../support/network.ts'

/** What engines started with --mpi have in their namespace. */
declare const MPI: typeof MpiType

const isPresent = hasSlurmTorque() && hasNetworks()
const families = mpiFamilies()
if (!isPresent && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
  throw new Error(
    'slurm-wlm, slurm-wlm-torque, munge and iproute2 must be there, as root, and every test is required to run',
  )

const skipped = isPresent
  ? ''
  : ' (skipped: it needs slurm-wlm, slurm-wlm-torque, munge and iproute2, as root)'

describe.skipIf(!isPresent)(`a job of Slurm on two hosts${skipped}`, () => {
  let network: Network
  let system: SlurmSystem
  let world: ClusterWorld
  beforeAll(async () => {
    network = new Network(2)
    system = await startSlurm(network)
  }, 60_000)
  afterAll(async () => {
    await system?.close()
    network?.close()
  }, 30_000)
  beforeEach(() => {
    world = new ClusterWorld()
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    for (const [name, value] of Object.entries(system.env)) vi.stubEnv(name, value)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await world.close()
  })

  const start = (batch: ClusterOptions['batch'], more: ClusterOptions = {}): Promise<Cluster> =>
    Cluster.start({
      n: 4,
      engines: 'slurm',
      ip: network.address,
      location: network.address,
      controllerArgs: ['--ping=500'],
      batch,
      ...more,
    })

  async function expectNothingLeft(cluster: Cluster): Promise<void> {
    await cluster.stop()
    await eventually(() => system.queue().length === 0, 15_000, 'the queue is empty')
    await eventually(() => world.processes().length === 0)
    expect(world.files()).toEqual([])
  }

  /** Ends what runs on a host, the daemon of its node first. */
  function endHost(index: number): void {
    const pids = execFileSync('ip', ['netns', 'pids', network.namespaceOf(network.hosts[index]!)], {
      encoding: 'utf8',
    })
    for (const pid of pids.trim().split('\n').map(Number)) process.kill(pid, 'SIGKILL')
  }

  skipAloudWithout(families, 'a world of MPI in a job', 'neither openmpi-bin nor mpich is installed')

  /** Nobody looks up names in this network: MPICH's mpiexec has to be told how others find it. */
  const mpiexecOf = ({ name, mpiexec }: MpiFamily): string[] =>
    name === 'MPICH' ? [mpiexec, '-localhost', network.hosts[0]!.address] : [mpiexec]

  const worlds = (['slurm', 'pbs'] as const).flatMap(engines =>
    families.map(family => ({ engines, family, library: family.name })),
  )

  it.each(worlds)(
    'has engines on both, in one world of $library, by the commands of $engines',
    async ({ engines, family }) => {
      const [command, ...args] = mpiexecOf(family)
      const cluster = await start(
        { mpi: true, nodes: 2, environment: MPI_ENVIRONMENT },
        { engines, mpi: { command, args } },
      )
      const rc = await cluster.connect()
      expect(rc.ids).toEqual([0, 1, 2, 3])
      const answers = await rc.directView().apply(async () => {
        const { hostname } = await import('node:os')
        return [MPI.COMM_WORLD.rank, MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.rank + 1), hostname()]
      })
      expect(answers).toEqual([0, 1, 2, 3].map(rank => [rank, 10, rank < 2 ? 'host1' : 'host2']))
      await rc.close()
      await expectNothingLeft(cluster)
    },
    60_000,
  )

  it.each(families)(
    'has ranks that a template starts by $name',
    async family => {
      const template = `#!/bin/sh
#SBATCH --ntasks={n}
#SBATCH --nodes={nodes}
#SBATCH --output={log}.out
{environment}
exec ${mpiexecOf(family).join(' ')} -n {n} {command} --mpi
`
      const cluster = await start({ template, nodes: 2, environment: MPI_ENVIRONMENT })
      const rc = await cluster.connect()
      expect(rc.ids).toEqual([0, 1, 2, 3])
      const sums = await rc.directView().apply(() => [MPI.COMM_WORLD.rank, MPI.COMM_WORLD.allreduce(1)])
      expect(sums).toEqual([0, 1, 2, 3].map(rank => [rank, 4]))
      await rc.close()
      await expectNothingLeft(cluster)
    },
    60_000,
  )

  it('has the controller on one, found from the other and from here', { timeout: 60_000 }, async () => {
    const [host1] = network.hosts
    // Nobody looks up names in this network.
    const location = host1!.address
    const cluster = await start({ queue: 'main' }, { n: 2, controller: 'slurm', ip: '*', location })
    const connection = readFileSync(cluster.connectionFile, 'utf8')
    expect(JSON.parse(connection)).toMatchObject({ interface: 'tcp://*', location })
    const rc = await cluster.connect()
    expect(await rc.directView().apply(() => process.env.SLURMD_NODENAME)).toEqual(['host1', 'host1'])
    await rc.close()
    await expectNothingLeft(cluster)
  })

  it('says why the controller is not reached there', { timeout: 60_000 }, async () => {
    const options = { n: 1, controller: 'slurm', timeout: 4, location: undefined } as const
    const here = start({ queue: 'main' }, { ...options, ip: '127.0.0.1' })
    await expect(here).rejects.toThrow(
      /the controller was not ready within 4 s: nobody answers at tcp:\/\/127\.0\.0\.1:\d+, as its file says/,
    )
    const unknown = start({ queue: 'main' }, { ...options, ip: '*' })
    await expect(unknown).rejects.toThrow(
      /not ready within 4 s: cannot find the controller's host host1: give its address with --location/,
    )
    await eventually(() => system.queue().length === 0, 15_000, 'the queue is empty')
  })

  it('gives every result though one of them is lost, and replaces its engines', {
    timeout: 90_000,
  }, async () => {
    const cluster = await start({ nodes: 2 })
    const rc = await cluster.connect()
    const where = await rc.directView().apply(async () => {
      const { hostname } = await import('node:os')
      return `${hostname()} ${process.env.SLURMD_NODENAME}`
    })
    expect([...where].sort()).toEqual(['host1 host1', 'host1 host1', 'host2 host2', 'host2 host2'])

    const elements = Array.from({ length: 60 }, (_, i) => i)
    const view = rc.loadBalancedView().with({ chunkSize: 1 })
    const results = view.map(async i => {
      await new Promise(resolve => setTimeout(resolve, 100))
      return i * i
    }, elements)
    const replaced = new Promise<void>(resolve => {
      let came = 0
      rc.on('engine:registered', () => {
        came += 1
        if (came === 2) resolve()
      })
    })
    await eventually(() => results.progress >= 8, 30_000, 'some of the results are there')
    endHost(1)
    expect(await results).toEqual(elements.map(i => i * i))
    await replaced
    expect(await rc.directView().apply(() => process.env.SLURMD_NODENAME)).toEqual(Array(4).fill('host1'))
    await rc.close()
    // Its jobs are on the books until the host is back, or given up.
    system.startNode('host2')
    await expectNothingLeft(cluster)
  })
})
