import { Cluster, RemoteError } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('an engine in an endless loop', () => {
  let cluster: Cluster
  beforeAll(async () => {
    // A fast heart: were it to stop beating while the engine is blocked, the engine would be gone within the test.
    cluster = await Cluster.start({ n: 2, controllerArgs: ['--ping=100'] })
  })
  afterAll(() => cluster.stop())

  it('stays registered, and keeps its variables when it is interrupted', async () => {
    await using rc = await cluster.connect()
    const view = rc.at(0)
    await view.push({ kept: 42 })
    await view.execute('const alsoKept = [1, 2, 3]')
    rc.on('engine:unregistered', engine => expect.unreachable(`engine ${engine.id} was given up`))

    const looping = view.execute('console.log("looping"); for (;;) {}')
    await new Promise<void>(resolve => rc.on('stdout', () => resolve()))
    // Twenty beats of the heart, counted on the other engine's clock: more than it takes to give a silent engine up.
    await rc.at(1).apply(() => new Promise(resolve => setTimeout(resolve, 2000)))
    expect(rc.ids).toEqual([0, 1])
    expect(looping.ready()).toBe(false)

    const asked = performance.now()
    await rc.sendSignal('SIGINT', { targets: [0] })
    const error = await looping.get().then(
      () => expect.unreachable(),
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(RemoteError)
    expect((error as RemoteError).ename).toBe('KeyboardInterrupt')
    expect(performance.now() - asked).toBeLessThan(1000)
    expect(await view.pull(['kept', 'alsoKept'])).toEqual([42, [1, 2, 3]])
  })
})
