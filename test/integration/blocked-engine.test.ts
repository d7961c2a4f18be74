import { Cluster, RemoteError, TaskAborted } from 'itsparallel'
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

  it('is free again when the request is aborted, and nobody else’s request is interrupted', async () => {
    await using rc = await cluster.connect()
    await using other = await cluster.connect()
    const abort = new AbortController()
    const looping = rc.at(0).with({ signal: abort.signal }).execute('console.log("looping"); for (;;) {}')
    const queued = rc
      .at(0)
      .with({ signal: abort.signal })
      .apply(() => 'never run')
    await new Promise<void>(resolve => rc.on('stdout', () => resolve()))
    abort.abort()
    await expect(looping.get()).rejects.toThrow(TaskAborted)
    await expect(queued.get()).rejects.toThrow(TaskAborted)
    expect(await other.at(0).apply(() => 'free')).toBe('free')

    // An abort of what has ended must not hit what runs now.
    const sleeping = other.at(0).apply(() => {
      console.log('sleeping')
      return new Promise(resolve => setTimeout(() => resolve('slept'), 500))
    })
    await new Promise<void>(resolve => other.on('stdout', () => resolve()))
    await rc.abort(looping)
    expect(await sleeping).toBe('slept')
  })

  it('can be shut down, and comes back only when that was asked for', async () => {
    await using rc = await cluster.connect()
    const left = () => new Promise<number>(resolve => rc.once('engine:unregistered', ({ id }) => resolve(id)))
    rc.at(0)
      .execute('for (;;) {}')
      .get()
      .catch(() => {})
    const first = left()
    await rc.shutdown({ targets: [0], restart: true })
    expect(await first).toBe(0)
    await rc.waitForEngines(2)
    expect(rc.ids).toEqual([1, 2])

    const second = left()
    await rc.shutdown({ targets: [1] })
    expect(await second).toBe(1)
    // The end of the remaining engine is noticed after that of the first: a replacement of either would be there by then.
    expect(
      await rc.at(-1).apply(() => new Promise(resolve => setTimeout(() => resolve('alone'), 1000))),
    ).toBe('alone')
    expect(rc.ids).toEqual([2])
  })
})
