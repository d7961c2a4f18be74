import process from 'node:process'
import { Cluster, NotRunningError, SubmitError, UsageError } from 'itsparallel'
import { describe, expect, it } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { worldForEach } from '../support/world-for-each.ts'

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

function expectNothingLeft(): void {
  expect(world.processes()).toEqual([])
  expect(world.files()).toEqual([])
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error as Error,
  )
}

describe('Cluster.start', () => {
  it('waits until all engines are up, and stop leaves nothing', async () => {
    const cluster = await Cluster.start({ n: 3 })
    const rc = await cluster.connect()
    expect(rc.ids).toEqual([0, 1, 2])
    expect(await rc.directView().apply(() => 6 * 7)).toEqual([42, 42, 42])
    await rc.close()
    await cluster.stop()
    await cluster.stop()
    expectNothingLeft()
    await expect(cluster.connect()).rejects.toThrow(NotRunningError)
  })

  it('starts clusters side by side', async () => {
    const [a, b] = await Promise.all([Cluster.start({ n: 1 }), Cluster.start({ n: 1 })])
    expect(a.clusterId).not.toBe(b.clusterId)
    await a.stop()
    await using rc = await b.connect()
    expect(await rc.at(0).apply(() => 1)).toBe(1)
    await rc.close()
    await b.stop()
    expectNothingLeft()
  })

  it('ends at the end of its block', async () => {
    {
      await using cluster = await Cluster.start({ n: 1 })
      expect(cluster.processes.engines.size).toBe(1)
    }
    expectNothingLeft()
  })

  it('ends with its program, though nobody stops it', async () => {
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      await Cluster.start({ n: 1 })
    `)
    expect(await program.finished).toMatchObject({ code: 0, stderr: '' })
    await eventually(() => world.processes().length === 0)
    expectNothingLeft()
  })

  it('tells its clients when it stops: what they wait for fails at once', async () => {
    const cluster = await Cluster.start({ n: 1 })
    const rc = await cluster.connect()
    const waiting = rc.at(0).apply(() => new Promise(() => {}))
    const failed = failure(waiting.get())
    await cluster.stop()
    const began = performance.now()
    expect(await failed).toBeInstanceOf(Error)
    expect(performance.now() - began).toBeLessThan(1000)
    await rc.close()
    expectNothingLeft()
  })

  it('stops engines whose code never ends', async () => {
    const cluster = await Cluster.start({ n: 1 })
    const rc = await cluster.connect()
    const started = new Promise(resolve => rc.on('stdout', resolve))
    rc.at(0).execute('console.log("x"); for (;;) {}')
    await started
    await rc.close()
    await cluster.stop()
    expectNothingLeft()
  })

  it('fails with command, exit code and last output when a program fails, and leaves nothing', async () => {
    const error = await failure(Cluster.start({ n: 2, engineArgs: ['--no-such-option'] }))
    expect(error).toBeInstanceOf(SubmitError)
    expect(error.message).toMatch(/ipengine ended with exit code 2 before it had registered/)
    expect(error.message).toMatch(/command: .*ipengine\.js .*--no-such-option/)
    expect(error.message).toMatch(/last output:[\s\S]*unknown option '--no-such-option'/)
    expectNothingLeft()
  })

  it('is given up by its signal', async () => {
    const reason = new Error('changed my mind')
    const controller = new AbortController()
    const starting = Cluster.start({ n: 2, signal: controller.signal })
    await eventually(() => world.processes().length >= 3)
    controller.abort(reason)
    expect(await failure(starting)).toBe(reason)
    expectNothingLeft()
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses %d engines', async n => {
    await expect(Cluster.start({ n })).rejects.toThrow(UsageError)
    expectNothingLeft()
  })

  it('says that its controller is gone', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const cluster = await Cluster.start({ n: 1 })
    process.kill(cluster.processes.controller!, 'SIGKILL')
    const reason = await cluster.ended
    expect(reason).toBeInstanceOf(SubmitError)
    expect(reason?.message).toMatch(/ipcontroller was ended by SIGKILL/)
    expect(await failure(cluster.connect())).toBe(reason)
    expectNothingLeft()
    await eventually(() => warnings.some(warning => warning.message === reason?.message))
    process.off('warning', listen)
  })
})

describe('Cluster.addEngines, stopEngines, restartEngines, signalEngines', () => {
  it('change which engines there are', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    await using rc = await cluster.connect()
    expect(await cluster.addEngines(2)).toEqual([1, 2])
    await rc.waitForEngines(3)
    await cluster.stopEngines([0])
    await eventually(() => rc.length === 2)
    expect(rc.ids).toEqual([1, 2])
    await rc.directView().push({ x: 1 })
    await cluster.restartEngines({ targets: [1] })
    await eventually(() => rc.ids.join() === '2,3')
    expect(await rc.directView().apply(() => typeof (globalThis as { x?: number }).x)).toEqual([
      'number',
      'undefined',
    ])
    expect([...cluster.processes.engines.keys()]).toEqual([2, 3])
  })

  it('interrupts what engines run', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    await using rc = await cluster.connect()
    const started = new Promise(resolve => rc.on('stdout', resolve))
    const looping = rc.at(0).execute('console.log("x"); for (;;) {}')
    await started
    await cluster.signalEngines('SIGINT')
    await expect(looping.get()).rejects.toThrow(/KeyboardInterrupt/)
  })
})

describe('Cluster.attach', () => {
  it('finds, uses, extends and stops a cluster that another process keeps', async () => {
    expect((await world.run('ipcluster', ['start', '--n=1', '--daemonize', '--profile=p'])).code).toBe(0)
    const cluster = await Cluster.attach({ profile: 'p' })
    const rc = await cluster.connect()
    expect(await cluster.addEngines(1)).toEqual([1])
    await rc.waitForEngines(2)
    await cluster.stopEngines([0])
    await eventually(() => rc.ids.join() === '1')
    await rc.close()
    expect(Cluster.list()).toMatchObject([{ profile: 'p', state: 'running' }])
    await cluster.stop()
    expectNothingLeft()
  })

  it('says that there is none', async () => {
    await expect(Cluster.attach({ profile: 'p' })).rejects.toThrow(/no cluster is running on profile p/)
  })

  it('finds a detached cluster, which outlives its program', async () => {
    const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      const cluster = await Cluster.start({ n: 1, detached: true, clusterId: 'd' })
      console.log('up')
    `)
    expect(await program.finished).toMatchObject({ code: 0, stderr: '' })
    const cluster = await Cluster.attach({ clusterId: 'd' })
    {
      await using rc = await cluster.connect()
      expect(await rc.at(0).apply(() => 1)).toBe(1)
    }
    await cluster.stop()
    expectNothingLeft()
  })
})
