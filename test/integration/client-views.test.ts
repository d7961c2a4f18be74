import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { CompositeError, RemoteError } from '../../src/errors.ts'
import { Reference } from '../../src/serialize/payload.ts'
import { RealCluster } from './client-support.ts'

let cluster: RealCluster
let rc: Client

beforeAll(async () => {
  cluster = await RealCluster.start(2)
  rc = await cluster.connect()
})

afterAll(async () => {
  await rc.close()
  await cluster[Symbol.asyncDispose]()
})

describe('a client of real engines', () => {
  it('DirectView runs the steps of the direct interface', async () => {
    const view = rc.directView()
    const pids = await view.apply(() => process.pid)
    expect([...pids].sort()).toEqual(cluster.engines.map(({ pid }) => pid).sort())
    await view.push({ a: 6, b: 7 })
    await view.execute('const c = a * b')
    expect(await view.pull('c')).toEqual([42, 42])
    expect(await rc.at(-1).pull(['a', 'c'])).toEqual([6, 42])
    view.namespace.a = 10
    expect(await rc.at(0).namespace.a).toBe(10)
    await view.scatter('x', new Float64Array([1, 2, 3, 4, 5]))
    expect(await view.apply((xs: Float64Array) => xs.length, new Reference('x'))).toEqual([3, 2])
    expect(await view.gather('x')).toEqual(new Float64Array([1, 2, 3, 4, 5]))
    const xs = Array.from({ length: 64 }, (_, i) => i)
    expect(await view.map((x: number) => x ** 2, xs)).toEqual(xs.map(x => x ** 2))
  })

  it('AsyncResult has everything that was printed when it is there', async () => {
    const speak = (n: number) => {
      for (let i = 0; i < n; i++) console.log(`line ${i}`)
      console.error('done')
      return n
    }
    for (const n of [1, 100, 1000]) {
      const result = rc.at(0).apply(speak, n)
      expect(await result).toBe(n)
      expect(result.stdout.trimEnd().split('\n')).toHaveLength(n)
      expect(result.stderr).toBe('done\n')
    }
    const reply = await rc.at(1).execute('console.log("hello"); 6 * 7', { silent: false })
    expect(reply.stdout).toBe('hello\n')
    expect(reply.text).toBe('42')
  })

  it('AsyncResult of a failing function names its engine, its file and its line', async () => {
    function divide(x: number) {
      if (x === 0) throw new RangeError('division by zero')
      return 1 / x
    }
    const error = await rc
      .at(1)
      .apply(divide, 0)
      .get()
      .catch(caught => caught)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ ename: 'RangeError', evalue: 'division by zero', engineId: rc.ids[1] })
    expect(error.traceback).toContain('client-views.test.ts')
    const all = await rc
      .directView()
      .pull('no_such_name')
      .get()
      .catch(caught => caught)
    expect(all).toBeInstanceOf(CompositeError)
    expect(all.message).toContain('2 × ReferenceError: no_such_name is not defined')
  })

  it('AsyncResult knows the times of its task', async () => {
    const result = rc.directView().apply(() => new Promise<void>(resolve => setTimeout(resolve, 200)))
    await result
    expect(result.serialTime).toBeGreaterThanOrEqual(0.39)
    expect(result.wallTime).toBeLessThan(result.serialTime)
    for (const metadata of result.metadata) {
      const { submitted, started, completed, received } = metadata
      expect(completed!.getTime() - started!.getTime()).toBeGreaterThanOrEqual(190)
      expect(received!.getTime()).toBeGreaterThanOrEqual(submitted.getTime())
    }
  })

  it('LoadBalancedView.map gives a hundred thousand values in order, over both engines', async () => {
    const xs = Array.from({ length: 100_000 }, (_, i) => i)
    const result = rc.loadBalancedView().map((x: number) => x * 2, xs)
    let next = 0
    for await (const y of result) {
      if (y !== 2 * next) throw new Error(`element ${next} is ${y}`)
      next += 1
    }
    expect(next).toBe(100_000)
    expect(result.msgIds.length).toBeLessThan(200)
    expect(new Set(result.targets).size).toBe(2)
  })

  it('LoadBalancedView.map names the failing element, and returns errors when asked', async () => {
    const root = (x: number) => {
      if (x < 0) throw new RangeError(`${x} has no root`)
      return Math.sqrt(x)
    }
    const xs = [4, 9, -1, 16, -2]
    const view = rc.loadBalancedView().with({ chunkSize: 2 })
    // Of several failures whichever comes first ends the map: here there is but one.
    await expect(view.map(root, xs.slice(0, 4)).get()).rejects.toMatchObject({
      ename: 'RangeError',
      index: 2,
    })
    const values: unknown[] = await view.with({ returnExceptions: true }).map(root, xs)
    expect(values.map(value => (value instanceof RemoteError ? value.index : value))).toEqual([2, 3, 2, 4, 4])
  })

  it('LoadBalancedView takes 5,000 tasks in one turn', async () => {
    const view = rc.loadBalancedView()
    const results = Array.from({ length: 5000 }, (_, i) => view.apply((x: number) => x + 1, i))
    const values = await Promise.all(results)
    expect(values).toEqual(values.map((_, i) => i + 1))
    expect(String(rc)).toContain('0 outstanding')
  })

  it('Client.abort keeps an engine from running what it has not started', async () => {
    const view = rc.at(0)
    const busy = view.apply(() => new Promise<void>(resolve => setTimeout(resolve, 300)))
    const waiting = view.apply(() => 'ran')
    await rc.abort(waiting)
    await busy
    await expect(waiting.get()).rejects.toMatchObject({ code: 'ERR_TASK_ABORTED' })
    expect(await view.apply(() => 'goes on')).toBe('goes on')
  })

  it('Client.sendSignal interrupts a loop and keeps what the engine holds', async () => {
    const view = rc.at(1)
    await view.push({ kept: 'still here' })
    const endless = view.execute('for (;;) {}')
    await expect(endless.get({ timeout: 0.3 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await rc.sendSignal('SIGINT', { targets: rc.ids[1]! })
    await expect(endless.get({ timeout: 10 })).rejects.toMatchObject({ ename: 'KeyboardInterrupt' })
    expect(await view.pull('kept')).toBe('still here')
  })

  it('Client.queueStatus counts, and Client.clear empties namespaces', async () => {
    await rc.directView().push({ gone: 1 })
    await rc.clear()
    await expect(rc.at(0).pull('gone').get()).rejects.toMatchObject({ ename: 'ReferenceError' })
    const status = await rc.queueStatus()
    expect(status.unassigned).toBe(0)
    expect(status[rc.ids[0]!]!.completed).toBeGreaterThan(0)
  })
})
