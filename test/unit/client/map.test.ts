import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import type { AsyncMapResult } from '../../../src/client/async-map-result.ts'
import type { Client } from '../../../src/client/client.ts'
import { EngineError, RemoteError, SerializationError, TaskAborted, UsageError } from '../../../src/errors.ts'
import { FakeCluster, type FakeReply, type FakeRequest } from './fake-cluster.ts'

let cluster: FakeCluster
let rc: Client

beforeEach(async () => {
  cluster = await FakeCluster.start(2)
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

/** Requests are kept instead of being answered; `answer` answers one of them as its engine would. */
function hold() {
  const held: FakeRequest[] = []
  const run = cluster.answer
  cluster.answer = request => {
    held.push(request)
    return undefined
  }
  const answer = async (request: FakeRequest): Promise<void> => {
    cluster.reply(request, (await run(request)) as FakeReply)
    await settle()
  }
  return { held, answer }
}

const unlessThree = (x: number): number => {
  if (x === 3) throw new RangeError(`bad ${x}`)
  return x * 10
}

/** Iterates to the end: what came, and the error that ended it. */
async function iterate<R>(result: AsyncMapResult<R>): Promise<{ values: R[]; error: unknown }> {
  const values: R[] = []
  try {
    for await (const value of result) values.push(value)
    return { values, error: undefined }
  } catch (error) {
    return { values, error }
  }
}

/** A source that notes what is done with it. */
function source(length = Number.POSITIVE_INFINITY) {
  const seen = { read: 0, closed: 0 }
  function* numbers(): Generator<number> {
    try {
      while (seen.read < length) {
        seen.read += 1
        yield seen.read - 1
      }
    } finally {
      seen.closed += 1
    }
  }
  async function* later(): AsyncGenerator<number> {
    yield* numbers()
  }
  return { seen, numbers, later }
}

describe('map: its first error', () => {
  it.each([1, 3, 10])(
    'map in chunks of %s gives every value before the first bad element, then its error',
    async chunkSize => {
      const result = rc.loadBalancedView().with({ chunkSize }).map(unlessThree, [0, 1, 2, 3, 4, 3, 6])
      const { values, error } = await iterate(result)
      expect(values).toEqual([0, 10, 20])
      expect(error).toMatchObject({ name: 'RemoteError', ename: 'RangeError', evalue: 'bad 3', index: 3 })
      await expect(result.get()).rejects.toBe(error)
      expect(result.successful()).toBe(false)
    },
  )

  it('map in order waits for what stands before an error, and prefers the error that comes first in the input', async () => {
    const { held, answer } = hold()
    const result = rc.loadBalancedView().with({ chunkSize: 1 }).map(unlessThree, [1, 3, 2, 3])
    await settle()
    await answer(held[3]!)
    expect(result.ready()).toBe(false)
    await answer(held[1]!)
    expect(result.ready()).toBe(false)
    await answer(held[0]!)
    expect(await iterate(result)).toMatchObject({ values: [10], error: { index: 1 } })
  })

  it('map as results come fails with the error that comes first, at once', async () => {
    const { held, answer } = hold()
    const view = rc.loadBalancedView().with({ chunkSize: 1, ordered: false })
    const result = view.map(unlessThree, [1, 3, 2, 3])
    await settle()
    await answer(held[2]!)
    await answer(held[3]!)
    expect(result.ready()).toBe(true)
    expect(await iterate(result)).toMatchObject({ values: [20], error: { index: 3 } })
  })

  it('DirectView.map gives the values before the first bad element as well', async () => {
    const result = rc.directView().map(unlessThree, [0, 1, 2, 3, 4, 5])
    expect(await iterate(result)).toMatchObject({ values: [0, 10, 20], error: { index: 3, engineId: 1 } })
  })

  it('map names the element whose value cannot travel, and loses no other', async () => {
    const broken = (x: number) => (x === 2 ? new WeakMap() : x)
    const view = rc.loadBalancedView().with({ chunkSize: 4 })
    expect(await iterate(view.map(broken, [0, 1, 2, 3]))).toMatchObject({
      values: [0, 1],
      error: { ename: 'SerializationError', index: 2 },
    })
    const inPlace = await view.with({ returnExceptions: true }).map(broken, [0, 1, 2, 3])
    expect(inPlace).toMatchObject([0, 1, { ename: 'SerializationError', index: 2 }, 3])
  })
})

describe('map: returnExceptions', () => {
  it.each([1, 3, 'auto'] as const)('map in chunks of %s puts errors in their places', async chunkSize => {
    const view = rc.loadBalancedView().with({ chunkSize, returnExceptions: true })
    const result = view.map(unlessThree, [3, 1, 3, 4])
    const values = await result
    expect(values).toMatchObject([{ index: 0 }, 10, { index: 2, evalue: 'bad 3' }, 40])
    expect(values[2]).toBeInstanceOf(RemoteError)
    expect((await iterate(result)).values).toMatchObject([{ index: 0 }, 10, { index: 2 }, 40])
    expect(result.successful()).toBe(false)
    expect(result.progress).toBe(4)
  })

  it('map keeps the cause of an error, and what is thrown that is no error', async () => {
    const view = rc.directView().with({ returnExceptions: true })
    const fail = (x: number) => {
      if (x === 0) throw new Error('outer', { cause: new TypeError('inner') })
      throw 'text'
    }
    const [first, second] = await view.map(fail, [0, 1])
    expect(first).toMatchObject({ evalue: 'outer', cause: new TypeError('inner') })
    expect(second).toMatchObject({ evalue: 'text', index: 1 })
  })

  it('map gives each element of a piece that is lost an error of its own', async () => {
    const { held, answer } = hold()
    const result = rc.directView().with({ returnExceptions: true }).map(unlessThree, [0, 1, 2, 4])
    await settle()
    await answer(held[0]!)
    cluster.removeEngine(cluster.engines[1]!, { signal: 'SIGKILL' })
    const values = await result
    expect(values).toMatchObject([0, 10, { ename: 'EngineError', index: 2 }, { index: 3 }])
    expect((values[2] as RemoteError).cause).toBeInstanceOf(EngineError)
  })

  it('map has types that say what may stand in its results', () => {
    const types = (): void => {
      const view = rc.loadBalancedView()
      const inPlace = view.with({ returnExceptions: true })
      expectTypeOf(inPlace.map(unlessThree, [1])).toEqualTypeOf<AsyncMapResult<number | RemoteError>>()
      expectTypeOf(inPlace.with({ ordered: false }).map(unlessThree, [1])).toEqualTypeOf<
        AsyncMapResult<number | RemoteError>
      >()
      expectTypeOf(inPlace.with({ returnExceptions: false }).map(unlessThree, [1])).toEqualTypeOf<
        AsyncMapResult<number>
      >()
      expectTypeOf(view.map(unlessThree, [1])).toEqualTypeOf<AsyncMapResult<number>>()
      expectTypeOf(
        rc
          .at(0)
          .with({ returnExceptions: true })
          .map(async (x: number) => `${x}`, [1]),
      ).toEqualTypeOf<AsyncMapResult<string | RemoteError>>()
      expectTypeOf(view.map((x: number, y: string) => [x, y] as const, new Set([1]), 'ab')).toEqualTypeOf<
        AsyncMapResult<readonly [number, string]>
      >()
      expectTypeOf(
        view.map(([k, v]: readonly [string, number]) => k.length + v, new Map<string, number>()),
      ).toEqualTypeOf<AsyncMapResult<number>>()
      expectTypeOf(view.map((x: bigint) => x, new BigInt64Array(1))).toEqualTypeOf<AsyncMapResult<bigint>>()
      // @ts-expect-error a column is missing
      view.map((x: number, y: number) => x + y, [1])
      // @ts-expect-error one column too many
      view.map((x: number) => x, [1], [2])
      // @ts-expect-error the elements are bigints
      view.map((x: number) => x, new BigInt64Array(1))
      // @ts-expect-error a block an engine needs all of the input
      rc.directView().map((x: number) => x, source().later())
      // @ts-expect-error chunks are for load-balanced views
      rc.directView().with({ chunkSize: 2 })
      // @ts-expect-error there is no such size
      view.with({ chunkSize: 'large' })
    }
    expect(types).toBeTypeOf('function')
  })
})

describe('map: its input', () => {
  it('map takes whatever can be iterated', async () => {
    const view = rc.loadBalancedView()
    const id = <T>(x: T): T => x
    expect(await view.map(id, 'a😀b')).toEqual(['a', '😀', 'b'])
    expect(await view.map(id, new Set([1, 2]))).toEqual([1, 2])
    expect(await view.map(id, new Map([['k', 1]]))).toEqual([['k', 1]])
    expect(await view.map(id, new Float32Array([0.5, 1.5]))).toEqual([0.5, 1.5])
    expect(await view.map(id, BigInt64Array.of(5n))).toEqual([5n])
    expect(await view.map(id, Array(5).keys())).toEqual([0, 1, 2, 3, 4])
    expect(await view.map(id, [])).toEqual([])
    expect(await view.map(id, source(0).numbers())).toEqual([])
    expect(await iterate(view.map(id, source(0).later()))).toEqual({ values: [], error: undefined })
    expect(await rc.directView().map(id, 'abc')).toEqual(['a', 'b', 'c'])
    expect(await rc.directView().map(id, new Map([['k', 1]]).keys())).toEqual(['k'])
    expect(await view.map(async (x: number) => -x, [1, 2, 3])).toEqual([-1, -2, -3])
  })

  it('map refuses what cannot be iterated, and says which argument it is', () => {
    const wrong = 5 as unknown as number[]
    const later = source(3).later() as unknown as number[]
    const add = (x: number, y: number) => x + y
    expect(() => rc.loadBalancedView().map(add, [1], wrong)).toThrow('argument 3 of map is not iterable')
    expect(() => rc.directView().map(add, wrong, [1])).toThrow(UsageError)
    expect(() => rc.directView().map((x: number) => x, later)).toThrow('all of it must be there at once')
    expect(cluster.requestsOf('apply_request')).toEqual([])
  })

  it('map zips to the shortest, asks no iterable behind it, and closes the others', async () => {
    const long = source()
    const behind = source()
    const view = rc.loadBalancedView().with({ chunkSize: 2 })
    const add = (x: number, y: number, z: number) => x + y + z
    expect(await view.map(add, long.numbers(), [10, 20, 30], behind.numbers())).toEqual([10, 22, 34])
    expect(long.seen).toEqual({ read: 4, closed: 1 })
    expect(behind.seen).toEqual({ read: 3, closed: 1 })
  })

  it('map zips async iterables with others', async () => {
    const long = source()
    const short = source(5)
    const pair = (x: number, y: number, z: string) => [x, y, z]
    const values = await rc.loadBalancedView().map(pair, long.later(), short.numbers(), 'abcdefgh')
    expect(values.map(([x]) => x)).toEqual([0, 1, 2, 3, 4])
    expect([long.seen.closed, short.seen.closed]).toEqual([1, 1])
  })

  it.each(['numbers', 'later'] as const)(
    'map sends what its input (%s) gave before it threw, and then fails with that',
    async kind => {
      function* broken() {
        yield* [1, 2, 3, 4, 5]
        throw new Error('no more input')
      }
      async function* brokenLater() {
        yield* broken()
      }
      const other = source()
      const view = rc.loadBalancedView().with({ chunkSize: 3 })
      const input = kind === 'numbers' ? broken() : brokenLater()
      const result = view.map((x: number, y: number) => x * 10 + y, input, other.numbers())
      expect(await iterate(result)).toEqual({
        values: [10, 21, 32, 43, 54],
        error: new Error('no more input'),
      })
      expect(other.seen.closed).toBe(1)
    },
  )

  it('map never throws at the call what its input throws', async () => {
    const input: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw new Error('broken from the start')
        },
      }),
    }
    const result = rc.loadBalancedView().map((x: number) => x, input)
    await expect(result.get()).rejects.toThrow('broken from the start')
  })

  it('map refuses at the call a function that cannot travel, and opens no input for it', () => {
    const socket = new WeakMap()
    const input = source()
    const view = rc.loadBalancedView()
    expect(() => view.map((_: number) => socket, input.later())).toThrow(SerializationError)
    expect(input.seen).toEqual({ read: 0, closed: 0 })
  })

  it('map closes its input when an element cannot travel', async () => {
    function* mixed() {
      yield 1
      yield new WeakMap()
    }
    const view = rc.loadBalancedView().with({ chunkSize: 1 })
    const { values, error } = await iterate(view.map((x: number | object) => x, mixed()))
    expect(values).toEqual([1])
    expect(error).toBeInstanceOf(SerializationError)
  })

  it.each([
    [1, 1],
    [2, 3],
    [5, 2],
  ])('map with chunks of %s and %s under way reads no further', async (chunkSize, maxOutstanding) => {
    const { held, answer } = hold()
    const input = source(40)
    const view = rc.loadBalancedView().with({ chunkSize, maxOutstanding })
    const result = view.map((x: number) => x, input.later())
    let answered = 0
    while (!result.ready()) {
      await settle()
      expect(input.seen.read - answered).toBeLessThanOrEqual(chunkSize * maxOutstanding)
      for (const request of held.splice(0, 1)) {
        await answer(request)
        answered = result.progress
      }
    }
    expect(await result).toHaveLength(40)
  })
})

describe('map: being left', () => {
  it.each(['numbers', 'later'] as const)(
    'a loop that is left closes the source (%s), and nothing more is sent or run',
    async kind => {
      const { held, answer } = hold()
      const input = source()
      const view = rc.loadBalancedView().with({ chunkSize: 1, maxOutstanding: 3 })
      const result = view.map((x: number) => x, input[kind]())
      await settle()
      await answer(held[0]!)
      for await (const value of result) {
        expect(value).toBe(0)
        break
      }
      await settle()
      expect(input.seen.closed).toBe(1)
      expect(result.ready()).toBe(true)
      const sent = cluster.requestsOf('apply_request').length
      await answer(held[1]!)
      expect(cluster.requestsOf('apply_request')).toHaveLength(sent)
      const abort = cluster.requestsOf('abort_request').find(({ engine }) => engine !== undefined)
      expect(abort!.envelope.content.interrupt).toBe(true)
      await expect(result.get()).rejects.toThrow('left early')
    },
  )

  it('a loop that is left leaves a map alone that is awaited as well', async () => {
    const result = rc
      .loadBalancedView()
      .with({ chunkSize: 1 })
      .map((x: number) => x, source(20).numbers())
    const all = result.get()
    for await (const _ of result) break
    expect(await all).toHaveLength(20)
  })

  it('an AbortSignal ends an endless map that puts errors in place', async () => {
    const { held, answer } = hold()
    const stop = new AbortController()
    const input = source()
    const view = rc.loadBalancedView().with({ signal: stop.signal, returnExceptions: true, chunkSize: 1 })
    const result = view.map((x: number) => x, input.numbers())
    await settle()
    await answer(held[0]!)
    stop.abort('enough')
    expect(result.ready()).toBe(true)
    expect(input.seen.closed).toBe(1)
    await expect(result.get()).rejects.toMatchObject({ code: 'ERR_TASK_ABORTED', cause: 'enough' })
  })

  it('an AbortSignal that was aborted before reads and sends nothing', async () => {
    const input = source()
    const signal = AbortSignal.abort('no')
    const result = rc
      .loadBalancedView()
      .with({ signal })
      .map((x: number) => x, input.numbers())
    await expect(result.get()).rejects.toBeInstanceOf(TaskAborted)
    const direct = rc
      .directView()
      .with({ signal })
      .map((x: number) => x, [1, 2])
    await expect(direct.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(input.seen.read).toBe(0)
    expect(cluster.requestsOf('apply_request')).toEqual([])
  })

  it('an AbortSignal is listened to once, however many maps hang on it', async () => {
    const stop = new AbortController()
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on('warning', note)
    const view = rc.loadBalancedView().with({ signal: stop.signal })
    await Promise.all(Array.from({ length: 30 }, () => view.map((x: number) => x, [1])))
    await settle()
    process.off('warning', note)
    expect(warnings).toEqual([])
  })
})

describe('map: streaming', () => {
  it('a loop over a map of unknown length lets values go, and awaiting it then is refused', async () => {
    const view = rc.loadBalancedView().with({ chunkSize: 1 })
    const result = view.map((x: number) => x, source(500).numbers())
    expect((await iterate(result)).values).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(result.msgIds.length).toBeLessThan(200)
    expect(result).toMatchObject({ progress: 500, length: 500 })
    expect(result.serialTime).toBeCloseTo(1)
    expect(result.successful()).toBe(true)
    await expect(result.get()).rejects.toThrow('await it before it is iterated')
    await expect(iterate(result)).resolves.toMatchObject({ error: { code: 'ERR_USAGE' } })
    expect(await result.wait()).toBe(true)
  })

  it('a loop over a map that is awaited as well, or over an array, lets nothing go', async () => {
    const view = rc.loadBalancedView().with({ chunkSize: 1 })
    const awaited = view.map((x: number) => x, source(100).numbers())
    const all = awaited.get()
    expect((await iterate(awaited)).values).toHaveLength(100)
    expect(await all).toHaveLength(100)
    const array = view.map(
      (x: number) => x,
      Array.from({ length: 100 }, (_, i) => i),
    )
    await iterate(array)
    expect(await array).toHaveLength(100)
    const twice = view.map((x: number) => x, source(100).numbers())
    const loops = await Promise.all([iterate(twice), iterate(twice)])
    expect(loops.map(({ values }) => values.length)).toEqual([100, 100])
  })

  it.each([true, false])('a slow loop (ordered: %s) holds an endless input back', async ordered => {
    const input = source()
    const view = rc.loadBalancedView().with({ chunkSize: 1, ordered })
    const result = view.map((x: number) => x, input.numbers())
    let taken = 0
    for await (const _ of result) {
      await settle()
      taken += 1
      expect(input.seen.read - taken).toBeLessThan(100)
      if (taken === 300) break
    }
    expect(input.seen.closed).toBe(1)
  })
})

describe('map: the options of views', () => {
  it.each([
    [{ chunkSize: 0 }, 'chunkSize must be a whole number of at least 1, and is 0'],
    [{ chunkSize: 2.5 }, 'chunkSize'],
    [{ chunkSize: 'large' as 'auto' }, 'chunkSize'],
    [{ maxOutstanding: 0 }, 'maxOutstanding must be a whole number of at least 1'],
    [{ maxOutstanding: Number.POSITIVE_INFINITY }, 'maxOutstanding'],
  ])('view.with(%o) is refused', (options, text) => {
    expect(() => rc.loadBalancedView().with(options)).toThrow(UsageError)
    expect(() => rc.loadBalancedView().with(options)).toThrow(text)
  })
})
