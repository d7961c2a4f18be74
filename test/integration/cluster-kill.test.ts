/** Whichever part of a cluster is killed: no process, no listening port and no file is left. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterWorld, eventually, listeningAddresses } from '../support/cluster-world.ts'

/** The promise is a minute; this is what it takes. */
const GONE_MS = 5_000

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

async function expectNothingLeftSoon(): Promise<void> {
  await eventually(() => world.processes().length === 0, GONE_MS, 'no process is left')
  expect(world.files()).toEqual([])
}

/** The processes that a cluster file names. */
function recordedPids(clusterFile: string): { controller: number; engines: number[] } {
  const path = join(world.ipythonDir, 'profile_default', 'security', clusterFile)
  const { controller, engines } = JSON.parse(readFileSync(path, 'utf8'))
  const [set] = Object.values(engines.sets) as { engines: Record<string, { pid: number }> }[]
  return { controller: controller.state.pid, engines: Object.values(set!.engines).map(engine => engine.pid) }
}

describe('kill -9 of ipcluster', () => {
  it('leaves nothing', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=2'])
    await cluster.printed(/2 engines are up/)
    const pids = world.processes()
    expect(pids).toHaveLength(4)
    const addresses = listeningAddresses(pids)
    expect(addresses.length).toBeGreaterThan(0)
    process.kill(cluster.pid, 'SIGKILL')
    await expectNothingLeftSoon()
    expect(listeningAddresses().filter(address => addresses.includes(address))).toEqual([])
  })

  it('leaves nothing when engines are blocked', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=1'])
    await cluster.printed(/1 engines are up/)
    const blocker = world.startProgram(`
      import { Client } from 'itsparallel'
      const rc = await Client.connect()
      rc.on('stdout', () => console.log('blocked'))
      rc.at(0).execute('console.log("x"); for (;;) {}')
    `)
    await blocker.printed(/blocked/)
    process.kill(blocker.pid, 'SIGKILL')
    process.kill(cluster.pid, 'SIGKILL')
    await expectNothingLeftSoon()
  })

  it('takes along what an engine had started', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=1'])
    await cluster.printed(/1 engines are up/)
    const program = world.startProgram(`
      import { Client } from 'itsparallel'
      const rc = await Client.connect()
      await rc.at(0).execute("import { spawn } from 'node:child_process'; globalThis.child = spawn('sleep', ['1000'])")
      console.log('spawned')
      await rc.close()
    `)
    await program.printed(/spawned/)
    await program.finished
    expect(world.commandLines().filter(line => line.startsWith('sleep'))).toHaveLength(1)
    process.kill(cluster.pid, 'SIGKILL')
    await expectNothingLeftSoon()
  })
})

describe('kill -9 of the controller', () => {
  it('ends the cluster, which says so and leaves nothing', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=2'])
    await cluster.printed(/2 engines are up/)
    process.kill(recordedPids('cluster-.json').controller, 'SIGKILL')
    const { code, stderr } = await cluster.finished
    expect(code).toBe(1)
    expect(stderr).toMatch(/ipcontroller was ended by SIGKILL unasked/)
    await expectNothingLeftSoon()
  })

  it('ends engines that nobody keeps', async () => {
    const controller = world.start('ipcontroller', ['--ping=100'])
    const engine = world.start('ipengine', ['--controller-timeout=1'])
    await eventually(() => listeningAddresses([controller.pid]).length > 0)
    const client = world.startProgram(`
      import { Client } from 'itsparallel'
      const rc = await Client.connect()
      await rc.waitForEngines(1)
      console.log('up')
      await rc.close()
    `)
    await client.printed(/up/)
    await client.finished
    process.kill(controller.pid, 'SIGKILL')
    await engine.finished
    await expectNothingLeftSoon()
  })
})

describe('kill -9 of an engine', () => {
  it('brings another, and tells clients how it ended', async () => {
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      const cluster = await Cluster.start({ n: 2, clusterId: 'x' })
      const rc = await cluster.connect()
      const back = new Promise(resolve => rc.on('engine:registered', resolve))
      const gone = new Promise(resolve => rc.on('engine:unregistered', resolve))
      const [victim] = await rc.directView().apply(() => process.pid)
      process.kill(victim, 'SIGKILL')
      console.log('gone', JSON.stringify(await gone))
      await back
      console.log('ids', rc.ids.join(' '))
      await rc.close()
      await cluster.stop()
    `)
    expect(await program.finished).toMatchObject({ code: 0, stderr: '' })
    expect(program.stdout).toMatch(/^gone .*"signal":"SIGKILL"/)
    expect(program.stdout).toMatch(/^ids 1 2$/m)
    await expectNothingLeftSoon()
  })
})

describe('kill -9 of a program with Cluster.start', () => {
  it('leaves nothing', async () => {
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      const cluster = await Cluster.start({ n: 2 })
      console.log('up')
      setInterval(() => {}, 1000)
    `)
    await program.printed(/up/)
    expect(world.processes()).toHaveLength(4)
    process.kill(program.pid, 'SIGKILL')
    await expectNothingLeftSoon()
  })

  it('leaves nothing when it happens in the middle of the start', async () => {
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      console.log('starting')
      await Cluster.start({ n: 2 })
    `)
    await program.printed(/starting/)
    await eventually(() => world.processes().length >= 3)
    process.kill(program.pid, 'SIGKILL')
    await expectNothingLeftSoon()
  })
})
