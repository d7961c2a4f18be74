/** Clusters whose engines are the ranks of one MPI program. */

import process from 'node:process'
import { Cluster, type SubmitError } from 'itsparallel'
import type { MPI as MpiType } from 'itsparallel/mpi'
import { describe, expect, it } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'
import { worldForEach } from '../support/world-for-each.ts'

/** What engines started with --mpi have in their namespace. */
declare const MPI: typeof MpiType

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

function start(family: MpiFamily, n: number): Promise<Cluster> {
  return Cluster.start({ engines: 'mpi', n, mpi: { command: family.mpiexec, args: family.options } })
}

/** What looks after a killed keeper's programs is gone a moment after them. */
async function expectNothingLeft(): Promise<void> {
  await eventually(() => world.processes().length === 0, 20_000)
  expect(world.files()).toEqual([])
}

const families = mpiFamilies()

skipAloudWithout(families, 'clusters over MPI', 'neither openmpi-bin nor mpich is installed')

describe.each(families)('a cluster over $name', family => {
  it('has engines whose ids are their ranks, in one world', async () => {
    const cluster = await start(family, 3)
    const rc = await cluster.connect()
    expect(rc.ids).toEqual([0, 1, 2])
    const view = rc.directView()
    expect(await view.apply(() => MPI.COMM_WORLD.rank)).toEqual([0, 1, 2])
    expect(await view.apply(() => MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.rank + 1))).toEqual([6, 6, 6])
    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
  })

  it('starts all of them again when one dies, with their old numbers and as one world', async () => {
    const cluster = await start(family, 2)
    const rc = await cluster.connect()
    const before = await rc.directView().apply(() => process.pid)
    const back = new Promise<void>(resolve => {
      let came = 0
      rc.on('engine:registered', () => {
        came += 1
        if (came === 2) resolve()
      })
    })
    process.kill(before[1]!, 'SIGKILL')
    await back
    expect(rc.ids).toEqual([0, 1])
    const after = await rc.directView().apply(() => [MPI.COMM_WORLD.allreduce(1), process.pid] as const)
    expect(after.map(([sum]) => sum)).toEqual([2, 2])
    expect(after.some(([, pid]) => before.includes(pid))).toBe(false)
    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
  })

  it('stops while its ranks wait for one another', async () => {
    const cluster = await start(family, 2)
    const rc = await cluster.connect()
    const waiting = rc.at(0).apply(() => MPI.COMM_WORLD.recv(1, 7))
    const spinning = rc.at(1).apply(() => {
      for (;;);
    })
    const failures = Promise.allSettled([waiting, spinning])
    await eventually(() => world.processes().length > 0)
    await cluster.stop()
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await rc.close()
    await expectNothingLeft()
  })

  it('ends with the program that started it, though that is killed', async () => {
    const settings = JSON.stringify({ command: family.mpiexec, args: family.options })
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      await Cluster.start({ engines: 'mpi', n: 2, mpi: ${settings}, engineArgs: ['--controller-timeout=1'] })
      console.log('up')
      setInterval(() => {}, 1000)
    `)
    await program.printed(/up/)
    process.kill(program.pid, 'SIGKILL')
    await expectNothingLeft()
  })

  it('ends with who added it to the cluster of another, though that is killed, and only with that', async () => {
    const cluster = await Cluster.start({ n: 1 })
    const rc = await cluster.connect()
    const settings = JSON.stringify({ mpi: { command: family.mpiexec, args: family.options } })
    const adder = world.start('ipcluster', [
      'engines',
      `--cluster-id=${cluster.clusterId}`,
      '--n=2',
      '--engines=mpi',
      `--launcher-settings=${settings}`,
    ])
    await adder.printed(/are up/)
    const gone = new Promise<void>(resolve => {
      let count = 0
      rc.on('engine:unregistered', () => {
        count += 1
        if (count === 2) resolve()
      })
    })
    process.kill(adder.pid, 'SIGKILL')
    await gone
    await eventually(() => world.commandLines().every(line => !line.includes('--mpi')), 20_000)
    expect(await rc.directView().apply(() => 1)).toEqual([1])
    await rc.close()
    await cluster.stop()
    await expectNothingLeft()
  })

  it('is started in the background by ipcluster, with classic options, and stopped', async () => {
    const start = [
      'start',
      '--n=2',
      '--daemonize',
      '--IPClusterEngines.engine_launcher_class=MPIEngineSetLauncher',
    ]
    const { code, stderr } = await world.run('ipcluster', [
      ...start,
      `--MPILauncher.mpi_cmd=['${family.mpiexec}']`,
      `--MPILauncher.mpi_args=${JSON.stringify(family.options)}`,
    ])
    expect([code, stderr]).toEqual([0, ''])
    const cluster = await Cluster.attach()
    const rc = await cluster.connect()
    expect(await rc.directView().apply(() => MPI.COMM_WORLD.size)).toEqual([2, 2])
    await rc.close()
    expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
    await expectNothingLeft()
  })

  it('shows the command and its last words when mpiexec refuses', async () => {
    const failed = (await Cluster.start({
      engines: 'mpi',
      n: 500,
      mpi: { command: family.mpiexec, args: ['--no-such-option'] },
    }).catch((error: unknown) => error)) as SubmitError
    expect(failed.code).toBe('ERR_SUBMIT')
    expect(failed.message).toMatch(/ipengine ended with exit code \d+ before it had registered/)
    expect(failed.message).toContain(`command: ${family.mpiexec} --no-such-option -n 500 `)
    expect(failed.message).toMatch(/last output:\n(.*\n)*.*no-such-option/)
    await expectNothingLeft()
  })
})

describe('a cluster over MPI', () => {
  const openMpi = families.find(({ name }) => name === 'Open MPI')

  it.skipIf(openMpi === undefined)('says how to have more engines than cores', async () => {
    const mpi = { command: openMpi!.mpiexec, args: ['--allow-run-as-root'] }
    await expect(Cluster.start({ engines: 'mpi', n: 500, mpi })).rejects.toThrow(
      /hint: there are more engines than cores.*--oversubscribe/,
    )
    await expectNothingLeft()
  })

  it('says so when there is no mpiexec', async () => {
    await expect(
      Cluster.start({ engines: 'mpi', n: 1, mpi: { command: 'mpiexec-of-nobody' } }),
    ).rejects.toThrow(
      /ipengine could not be started \(mpiexec-of-nobody is not on this machine\)(.*\n)+ *hint: install Open MPI or MPICH/,
    )
    await expectNothingLeft()
  })
})
