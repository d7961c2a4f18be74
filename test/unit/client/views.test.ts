import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AsyncMapResult } from '../../../src/client/async-map-result.ts'
import type { Client } from '../../../src/client/client.ts'
import { Dependency, type DependencyInput } from '../../../src/client/dependency.ts'
import {
  CompositeError,
  EngineError,
  InvalidTargetError,
  NoEnginesError,
  RemoteError,
  SerializationError,
  TaskAborted,
  UsageError,
} from '../../../src/errors.ts'
import { Reference } from '../../../src/serialize/payload.ts'
import { FakeCluster, type FakeRequest } from './fake-cluster.ts'

let cluster: FakeCluster
let rc: Client

beforeEach(async () => {
  cluster = await FakeCluster.start(3)
  rc = await cluster.connect()
})

afterEach(async () => {
  await rc.close()
  await cluster.close()
})

/** Lets everything that is under way in memory arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Answers nothing until told to, and keeps what came. */
function hold(): { readonly held: FakeRequest[]; release(): Promise<void> } {
  const held: FakeRequest[] = []
  const { answer } = cluster
  cluster.answer = request => {
    held.push(request)
    return undefined
  }
  return {
    held,
    async release() {
      cluster.answer = answer
      for (const request of held.splice(0)) cluster.reply(request, (await answer(request))!)
    },
  }
}

describe('DirectView', () => {
  it('DirectView.apply gives one value for one target, an array for many', async () => {
    const add = (a: number, b: number) => a + b
    expect(await rc.directView().apply(add, 1, 2)).toEqual([3, 3, 3])
    expect(await rc.directView(1).apply(add, 1, 2)).toBe(3)
    expect(await rc.directView([1]).apply(add, 1, 2)).toEqual([3])
    expect(await rc.at(-1).apply(add, 1, 2)).toBe(3)
    expect(await rc.slice(0, 2).apply(add, 1, 2)).toEqual([3, 3])
  })

  it('DirectView.apply packs once and sends the same bytes to every engine, each under an id of its own', async () => {
    const result = rc.directView().apply((x: number) => x, 1)
    await result
    const requests = cluster.requestsOf('apply_request')
    expect(requests.map(({ envelope }) => envelope.header.msg_id)).toEqual(result.msgIds)
    expect(new Set(result.msgIds).size).toBe(3)
    const [first, second] = requests.map(({ envelope }) => envelope.buffers)
    expect(first).toEqual(second)
    expect(requests[0]!.envelope.metadata).toEqual({ itsparallel: { v: 1 } })
  })

  it('DirectView pushes and pulls names, and a missing name is a ReferenceError', async () => {
    const view = rc.directView()
    await view.push({ a: 6, b: [1, 2] })
    expect(await view.pull('a')).toEqual([6, 6, 6])
    expect(await rc.at(0).pull(['a', 'b'])).toEqual([6, [1, 2]])
    await expect(rc.at(1).pull('nowhere').get()).rejects.toMatchObject({
      ename: 'ReferenceError',
      evalue: 'nowhere is not defined',
      engineId: 1,
    })
    await expect(view.pull('nowhere').get()).rejects.toBeInstanceOf(CompositeError)
  })

  it('DirectView.push resolves to nothing', async () => {
    expect(await rc.directView().push({ a: 1 })).toBeUndefined()
    expect(await rc.at(0).push({ a: 1 })).toBeUndefined()
  })

  it('DirectView.execute runs source text and replies', async () => {
    const view = rc.directView()
    await view.push({ a: 6, b: 7 })
    const replies = await view.execute('c = a * b')
    expect(replies).toHaveLength(3)
    expect(replies[0]).toMatchObject({ executionCount: 1, stdout: '', engineId: 0 })
    expect(await view.pull('c')).toEqual([42, 42, 42])
  })

  it('DirectView.execute shows what was printed and the value, once both are there', async () => {
    cluster.answer = request => {
      const { engine } = request
      cluster.publish(engine!, request, 'stream', { name: 'stdout', text: 'hello\n' })
      const data = { 'text/plain': '42' }
      cluster.publish(engine!, request, 'execute_result', { data, metadata: {}, execution_count: 5 })
      return { content: { status: 'ok', execution_count: 5 }, metadata: { status: 'ok', outputs: 2 } }
    }
    const reply = await rc.at(0).execute('print()', { silent: false })
    expect(reply.stdout).toBe('hello\n')
    expect(reply.text).toBe('42')
    expect(String(reply)).toBe('<ExecuteReply [5]: 42>')
    expect(cluster.requestsOf('execute_request')[0]!.envelope.content).toMatchObject({
      silent: false,
      store_history: true,
    })
  })

  it('DirectView scatters and gathers arrays, typed arrays and fewer elements than engines', async () => {
    const view = rc.directView()
    const numbers = [1, 2, 3, 4, 5, 6, 7]
    await view.scatter('x', numbers)
    expect(await view.pull('x')).toEqual([
      [1, 2, 3],
      [4, 5],
      [6, 7],
    ])
    expect(await view.gather('x')).toEqual(numbers)
    await view.scatter('x', numbers, { dist: 'r' })
    expect(await view.gather('x', { dist: 'r' })).toEqual(numbers)
    await view.scatter('y', new Float64Array(numbers))
    expect(await view.gather('y')).toEqual(new Float64Array(numbers))
    await view.scatter('z', [1, 2])
    expect(await view.gather('z')).toEqual([1, 2])
    await view.scatter('w', [])
    expect(await view.gather('w')).toEqual([])
  })

  it('DirectView.scatter flattens single elements when asked', async () => {
    const view = rc.directView()
    await view.scatter('rank', view.targets, { flatten: true })
    expect(await view.pull('rank')).toEqual([0, 1, 2])
    expect(await view.gather('rank')).toEqual([0, 1, 2])
  })

  it('DirectView.map gives values in input order, zips to the shortest, and asks nobody for nothing', async () => {
    const view = rc.directView()
    const xs = Array.from({ length: 64 }, (_, i) => i)
    const result = view.map((x: number) => x * x, xs)
    expect(result).toBeInstanceOf(AsyncMapResult)
    expect(result.length).toBe(64)
    expect(await result).toEqual(xs.map(x => x * x))
    expect(result.progress).toBe(64)
    expect(await view.map((a: number, b: string) => b + a, [1, 2, 3, 4], new Set(['x', 'y']))).toEqual([
      'x1',
      'y2',
    ])
    const few = view.map((x: number) => x, [1])
    expect(await few).toEqual([1])
    expect(few.msgIds).toHaveLength(1)
    expect(await view.map((x: number) => x, [])).toEqual([])
  })

  it('DirectView.map says which element failed, counted over the whole input', async () => {
    const fail = (x: number) => {
      if (x === 5) throw new RangeError('five')
      return x
    }
    const error = await rc
      .directView()
      .map(fail, [0, 1, 2, 3, 4, 5])
      .get()
      .catch(caught => caught)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ ename: 'RangeError', index: 5, engineId: 2 })
  })

  it('DirectView.namespace pushes and pulls by assignment', async () => {
    const { namespace } = rc.directView()
    namespace.a = 10
    expect(await namespace.a).toEqual([10, 10, 10])
    expect(await rc.at(0).namespace.a).toBe(10)
    expect(() => {
      namespace.b = new WeakMap()
    }).toThrow(SerializationError)
  })

  it('DirectView.remote and parallel make functions', async () => {
    const view = rc.directView()
    const twice = view.remote((x: number) => 2 * x)
    expect(await twice(4)).toEqual([8, 8, 8])
    const negate = view.parallel((xs: readonly number[]) => xs.map(x => -x), { dist: 'r' })
    expect(await negate([1, 2, 3, 4, 5])).toEqual([-1, -2, -3, -4, -5])
    expect(await view.parallel((x: number) => x + 1).map([1, 2])).toEqual([2, 3])
    expect(() => view.parallel((x: number) => x)(5)).toThrow(
      'argument 1 of a parallel function is not a sequence',
    )
  })

  it('DirectView.with gives another view and leaves this one as it is', async () => {
    const view = rc.directView()
    expect(await view.with({ targets: 2 }).apply(() => 1)).toBe(1)
    expect(await view.with({ targets: [0, 1] }).apply(() => 1)).toEqual([1, 1])
    expect(view.targets).toEqual([0, 1, 2])
    expect(String(view.with({ targets: [0, 1] }))).toBe('<DirectView of engines 0, 1>')
  })

  it('DirectView counts negative targets from the last engine, at each call', async () => {
    const last = rc.directView().with({ targets: -1 })
    expect(last.targets).toBe(2)
    cluster.addEngine()
    await settle()
    expect(last.targets).toBe(3)
    expect(await last.apply(() => 1)).toBe(1)
    expect(rc.directView([-1, 0]).targets).toEqual([3, 0])
    expect(() => rc.at(-9)).toThrow('there is no engine -9')
    expect(() => last.with({ targets: 'none' as 'all' }).apply(() => 1)).toThrow(
      "targets are 'all', an engine id, an array of ids, or { language: 'python' }, and not 'none'",
    )
  })

  it('views refuse options that they do not have', () => {
    const options = { retrys: 1 } as object
    expect(() => rc.directView().with(options)).toThrow("a DirectView has no option 'retrys'")
    expect(() => rc.loadBalancedView().with(options)).toThrow("a LoadBalancedView has no option 'retrys'")
    expect(() => rc.broadcastView().with(options)).toThrow("a BroadcastView has no option 'retrys'")
    expect(String(rc.loadBalancedView([0, 2]))).toBe('<LoadBalancedView of engines 0, 2>')
  })

  it("DirectView of 'all' means the engines there are at each call, a snapshot does not", async () => {
    const all = rc.directView()
    const snapshot = rc.slice()
    cluster.addEngine()
    await settle()
    expect(await all.apply(() => 1)).toEqual([1, 1, 1, 1])
    expect(await snapshot.apply(() => 1)).toEqual([1, 1, 1])
  })

  it('DirectView with track tells when the bytes have left', async () => {
    const result = rc
      .directView()
      .with({ track: true })
      .push({ big: new Float64Array(1000) })
    await result.sent
    await result
    await rc
      .loadBalancedView()
      .with({ track: true })
      .apply(() => 1).sent
  })

  it('DirectView takes a Reference as argument and as function', async () => {
    await rc.directView().push({ data: [1, 2, 3] })
    expect(await rc.at(0).apply((xs: readonly number[]) => xs.length, new Reference('data'))).toBe(3)
  })

  it('DirectView refuses at the call what cannot travel', () => {
    expect(() => rc.directView().push({ a: new WeakMap() })).toThrow(SerializationError)
    expect(rc.toString()).toContain('0 outstanding')
  })

  it('DirectView refuses unknown engines and lists those there are', async () => {
    expect(() => rc.directView([0, 99])).toThrow(InvalidTargetError)
    expect(() => rc.directView(99)).toThrow('there is no engine 99; engines running: 0, 1, 2')
    const view = rc.directView(1)
    cluster.removeEngine(cluster.engines[1]!, { exit_code: 3 })
    await settle()
    expect(() => view.apply(() => 1)).toThrow(
      'engine 1 is gone, and the names it held with it: exit code 3; engines running: 0, 2',
    )
    expect(rc.at(-1).targets).toBe(2)
  })

  it('DirectView without any engine throws NoEnginesError', async () => {
    for (const engine of [...cluster.engines]) cluster.removeEngine(engine)
    await settle()
    expect(() => rc.directView().apply(() => 1)).toThrow(NoEnginesError)
    expect(() => rc.at(0)).toThrow('no engine is running')
  })

  it('DirectView fails what its engine takes to the grave', async () => {
    const { held } = hold()
    const result = rc.directView().apply(() => 1)
    const task = rc.loadBalancedView().apply(() => 1)
    await settle()
    expect(held).toHaveLength(4)
    cluster.reply(held[0]!, (await held[0]!.engine!.run(held[0]!.envelope))!)
    cluster.reply(held[2]!, (await held[2]!.engine!.run(held[2]!.envelope))!)
    cluster.removeEngine(cluster.engines[1]!, { signal: 'SIGKILL' })
    const error = await result.get().catch(caught => caught)
    expect(error).toBeInstanceOf(EngineError)
    expect(error.message).toMatch(/^engine 1 died while running task .*: killed by SIGKILL$/)
    expect(task.ready()).toBe(false)
  })
})

describe('LoadBalancedView', () => {
  it('LoadBalancedView.apply gives single values, remote and parallel make functions', async () => {
    const view = rc.loadBalancedView()
    expect(await view.apply((a: number, b: number) => a * b, 6, 7)).toBe(42)
    expect(await view.remote((x: string) => x.toUpperCase())('x')).toBe('X')
    expect((await view.execute('1 + 1')).executionCount).toBe(1)
    expect(await view.parallel((xs: readonly number[]) => xs.map(x => x + 1))([1, 2, 3])).toEqual([2, 3, 4])
    const sizes = view.with({ chunkSize: 2 }).parallel((xs: readonly number[]) => xs.length)
    expect(await sizes([1, 2, 3, 4, 5])).toEqual([2, 2, 1])
  })

  it('LoadBalancedView says what a task asks of the scheduler', async () => {
    const view = rc.loadBalancedView()
    const first = view.apply(() => 1)
    await first
    const options = {
      after: first,
      follow: new Dependency(['x', 'y'], { mode: 'any' }),
      timeout: 5,
      retries: 2,
    }
    await view.with({ ...options, targets: [1] }).apply(() => 2)
    expect(cluster.requestsOf('apply_request').map(({ envelope }) => envelope.metadata)).toEqual([
      { itsparallel: { v: 1, lang: 'javascript' } },
      {
        itsparallel: { v: 1, lang: 'javascript' },
        after: first.msgIds,
        follow: { dependencies: ['x', 'y'], all: false, success: true, failure: false },
        timeout: 5,
        retries: 2,
        targets: [cluster.engines[1]!.uuid],
      },
    ])
  })

  it('LoadBalancedView leaves languages to the scheduler, and names engines where that knows of none', async () => {
    const targetsOf = (result: { readonly msgIds: readonly string[] }) =>
      cluster.requestsOf('apply_request').find(({ envelope }) => envelope.header.msg_id === result.msgIds[0])!
        .envelope.metadata.targets
    cluster.notify('registration_notification', { id: 3, uuid: 'foreign' })
    await settle()
    const uuids = cluster.engines.map(({ uuid }) => uuid)
    const named = rc.loadBalancedView().apply(() => 1)
    const ofOne = rc.loadBalancedView({ language: 'javascript' }).apply(() => 1)
    await Promise.all([named, ofOne])
    expect(targetsOf(named)).toEqual(uuids)
    expect(targetsOf(ofOne)).toEqual(uuids)
    // A controller that passes on what engines tell of themselves.
    cluster.notify('registration_notification', { id: 4, uuid: 'js-told', language: 'javascript' })
    await settle()
    const open = rc.loadBalancedView().apply(() => 1)
    const some = rc.loadBalancedView([0, 3]).apply(() => 1)
    await Promise.all([open, some])
    expect(targetsOf(open)).toBeUndefined()
    expect(targetsOf(some)).toEqual([uuids[0]])
  })

  it('LoadBalancedView refuses to depend on what is no task', async () => {
    const afterThis = (input: unknown) => () =>
      rc
        .loadBalancedView()
        .with({ after: input as DependencyInput })
        .apply(() => 1)
    expect(afterThis(rc.at(0).apply(() => 1))).toThrow('this is the result of a direct apply: await it first')
    expect(afterThis([{ nonsense: true }])).toThrow('this is something else')
    async function* slow() {
      yield await new Promise<number>(() => {})
    }
    const reading = rc.loadBalancedView().map((x: number) => x, slow())
    expect(afterThis(reading)).toThrow('its input is still being read')
    reading.cancel()
  })

  it('LoadBalancedView depends on all of a map, which is then sent at once', async () => {
    const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 1 })
    const map = view.map((x: number) => x + 1, [1, 2, 3, 4, 5])
    expect(map.msgIds).toHaveLength(1)
    const last = view.with({ after: [map, 'another'] }).apply(() => 'last')
    expect(map.msgIds).toHaveLength(5)
    await last
    expect(cluster.requestsOf('apply_request').at(-1)!.envelope.metadata.after).toEqual([
      ...map.msgIds,
      'another',
    ])
    expect(await map).toEqual([2, 3, 4, 5, 6])
  })

  it('LoadBalancedView waits in the controller while there are no engines', async () => {
    for (const engine of [...cluster.engines]) cluster.removeEngine(engine)
    await settle()
    const result = rc.loadBalancedView().apply(() => 1)
    expect(await result.wait({ timeout: 0.01 })).toBe(false)
  })

  it('LoadBalancedView refuses options that make no sense', () => {
    const view = rc.loadBalancedView()
    expect(() => view.with({ retries: -1 })).toThrow(
      'retries must be a whole number of at least 0, and is -1',
    )
    expect(() => view.with({ chunkSize: 0 })).toThrow(UsageError)
    expect(() => view.with({ timeout: Number.NaN })).toThrow(UsageError)
    expect(() => view.with({ targets: [7] }).apply(() => 1)).toThrow(InvalidTargetError)
    expect(() => new Dependency([], { success: false })).toThrow(UsageError)
  })

  it.each([1, 7, 1000, 'auto'] as const)('LoadBalancedView.map works in chunks of %s', async chunkSize => {
    const view = rc.loadBalancedView().with({ chunkSize })
    const xs = Array.from({ length: 50 }, (_, i) => i)
    expect(await view.map((x: number) => x + 0.5, xs)).toEqual(xs.map(x => x + 0.5))
    expect(await view.map((x: number, y: string) => `${x}${y}`, [1, 2, 3], 'ab')).toEqual(['1a', '2b'])
    expect(await view.map((x: number) => x, [])).toEqual([])
  })

  it('LoadBalancedView.map keeps numbers as they are', async () => {
    const odd = [-0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e-310]
    const xs = Array.from({ length: 500 }, (_, i) => odd[i % odd.length]!)
    expect(
      await rc
        .loadBalancedView()
        .with({ chunkSize: 250 })
        .map((x: number) => x, xs),
    ).toEqual(xs)
    const floats = Float32Array.from({ length: 300 }, (_, i) => i / 2)
    expect(await rc.loadBalancedView().map((x: number) => x, floats)).toEqual([...floats])
  })

  it('LoadBalancedView.map reads an async iterable no further than there is room', async () => {
    let read = 0
    async function* numbers() {
      for (let i = 0; i < 100; i++) {
        read += 1
        yield i
      }
    }
    const holding = hold()
    const view = rc.loadBalancedView().with({ chunkSize: 2, maxOutstanding: 3 })
    const result = view.map((x: number) => -x, numbers())
    await settle()
    expect(holding.held).toHaveLength(3)
    expect(read).toBeLessThanOrEqual(8)
    await holding.release()
    expect(await result).toEqual(Array.from({ length: 100 }, (_, i) => -i))
    expect(result.length).toBe(100)
  })

  it('LoadBalancedView.map gives results while they come, in order or not', async () => {
    const holding = hold()
    const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 10 })
    const ordered = view.map((x: number) => x, [0, 1, 2])
    const unordered = view.with({ ordered: false }).map((x: number) => x, [0, 1, 2])
    await settle()
    holding.held.reverse()
    const seen: number[] = []
    const reading = (async () => {
      for await (const x of unordered) seen.push(x)
    })()
    await holding.release()
    await reading
    expect(seen).toEqual([2, 1, 0])
    const inOrder: number[] = []
    for await (const x of ordered) inOrder.push(x)
    expect(inOrder).toEqual([0, 1, 2])
    expect(await unordered).toEqual([0, 1, 2])
  })

  it('LoadBalancedView.map ends at the first error and sends no more', async () => {
    const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 2 })
    const fail = (x: number) => {
      if (x === 3) throw new RangeError('three')
      return x
    }
    const result = view.map(
      fail,
      Array.from({ length: 100 }, (_, i) => i),
    )
    await expect(result.get()).rejects.toMatchObject({ ename: 'RangeError', index: 3 })
    expect(result.ready()).toBe(true)
    expect(cluster.requestsOf('apply_request').length).toBeLessThan(10)
    const seen: number[] = []
    await expect(async () => {
      for await (const x of result) seen.push(x)
    }).rejects.toMatchObject({ index: 3 })
  })

  it('LoadBalancedView.map puts errors in the results when asked', async () => {
    const view = rc.loadBalancedView().with({ chunkSize: 4, returnExceptions: true })
    const fail = (x: number) => {
      if (x % 3 === 0) throw new RangeError(`bad ${x}`)
      return x
    }
    const values = await view.map(fail, [1, 2, 3, 4, 5, 6, 7])
    expect(values.map(value => (typeof value === 'number' ? value : (value as RemoteError).evalue))).toEqual([
      1,
      2,
      'bad 3',
      4,
      5,
      'bad 6',
      7,
    ])
    expect(values[5]).toMatchObject({ ename: 'RangeError', index: 5 })
  })

  it('LoadBalancedView.map fails with what its input throws', async () => {
    function* broken() {
      yield 1
      yield 2
      throw new Error('no more input')
    }
    const result = rc
      .loadBalancedView()
      .with({ chunkSize: 1, maxOutstanding: 1 })
      .map((x: number) => x, broken())
    await expect(result.get()).rejects.toThrow('no more input')
    async function* brokenLater() {
      yield 1
      throw new Error('no more async input')
    }
    await expect(
      rc
        .loadBalancedView()
        .map((x: number) => x, brokenLater())
        .get(),
    ).rejects.toThrow('no more async input')
  })

  it('LoadBalancedView.map refuses at the call what cannot travel', () => {
    const view = rc.loadBalancedView()
    expect(() => view.map((x: object) => x, [new WeakMap()])).toThrow(SerializationError)
    expect(() => view.map(() => 1)).toThrow(UsageError)
  })
})

describe('an AbortSignal', () => {
  it('an AbortSignal settles what is outstanding at once, and tells the engines', async () => {
    const holding = hold()
    const stop = new AbortController()
    const view = rc.directView().with({ signal: stop.signal })
    const result = view.apply(() => 1)
    const task = rc
      .loadBalancedView()
      .with({ signal: stop.signal })
      .apply(() => 1)
    await settle()
    stop.abort(new Error('changed my mind'))
    const error = await task.get().catch(caught => caught)
    expect(error).toBeInstanceOf(TaskAborted)
    expect(error.cause).toEqual(new Error('changed my mind'))
    expect(result.ready()).toBe(true)
    await settle()
    const aborts = cluster.requestsOf('abort_request')
    // The controller, for what no engine has, and every engine.
    expect(aborts.map(({ engine }) => engine?.id)).toEqual([undefined, 0, 1, 2])
    expect(aborts[1]!.envelope.content).toEqual({
      msg_ids: [result.msgIds[0], task.msgIds[0]],
      interrupt: true,
    })
    await holding.release()
  })

  it('an AbortSignal that was aborted before sends nothing', async () => {
    const view = rc.directView().with({ signal: AbortSignal.abort('no') })
    await expect(view.apply(() => 1).get()).rejects.toBeInstanceOf(CompositeError)
    await expect(
      rc
        .loadBalancedView()
        .with({ signal: AbortSignal.abort() })
        .map(x => x, [1, 2])
        .get(),
    ).rejects.toBeInstanceOf(TaskAborted)
    expect(cluster.requestsOf('apply_request')).toEqual([])
  })

  it('an AbortSignal is listened to once, however many requests hang on it', async () => {
    const stop = new AbortController()
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on('warning', note)
    const view = rc.loadBalancedView().with({ signal: stop.signal })
    await Promise.all(Array.from({ length: 50 }, () => view.apply(() => 1)))
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('an AbortSignal ends a map that waits for its input', async () => {
    const stop = new AbortController()
    async function* slow() {
      yield 1
      await new Promise<never>(() => {})
    }
    const result = rc
      .loadBalancedView()
      .with({ signal: stop.signal })
      .map((x: number) => x, slow())
    const seen: number[] = []
    const reading = (async () => {
      for await (const x of result) {
        seen.push(x)
        stop.abort('enough')
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_TASK_ABORTED', cause: 'enough' })
    await expect(result.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(seen).toEqual([1])
  })

  it('AsyncMapResult.abort fails a map whose input was not sent, and asks for what was', async () => {
    const holding = hold()
    const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 2 })
    const result = view.map((x: number) => x, [1, 2, 3, 4])
    await settle()
    await result.abort()
    expect(cluster.requestsOf('abort_request')).toHaveLength(4)
    expect(result.ready()).toBe(false)
    await holding.release()
    await expect(result.get()).rejects.toThrow('aborted before all of its input was sent')
    expect(result.cancel()).toBe(false)
  })

  it('AsyncMapResult.cancel stops a map', async () => {
    const holding = hold()
    const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 2 })
    const result = view.map((x: number) => x, [1, 2, 3, 4])
    await settle()
    expect(result.cancel()).toBe(true)
    await expect(result.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(holding.held).toHaveLength(2)
  })
})
