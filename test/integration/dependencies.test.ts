import {
  Cluster,
  Dependency,
  depend,
  ImpossibleDependency,
  requires,
  TaskTimeout,
  UnmetDependency,
} from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** A name of the engines' own, by which they tell themselves apart. */
declare const place: number
declare function helper(x: number): number

let cluster: Cluster
let rc: Awaited<ReturnType<Cluster['connect']>>
beforeAll(async () => {
  cluster = await Cluster.start({ n: 3 })
  rc = await cluster.connect()
  for (const [i, id] of rc.ids.entries()) await rc.at(id).push({ place: i })
})
afterAll(async () => {
  await rc.close()
  await cluster.stop()
})

/** What a result failed with. */
async function failure(result: { get(options: { timeout: number }): Promise<unknown> }): Promise<Error> {
  return await result.get({ timeout: 20 }).then(
    value => expect.unreachable(`it gave ${value}`),
    (error: Error) => error,
  )
}

const isAt = (wanted: number) => place === wanted

describe('depend', () => {
  it('runs tasks only where the check holds, without using up retries', async () => {
    const where = depend(isAt, 1)((x: number) => [x, place])
    const view = rc.loadBalancedView()
    const results = Array.from({ length: 20 }, (_, i) => view.apply(where, i))
    expect(await Promise.all(results)).toEqual(Array.from({ length: 20 }, (_, i) => [i, 1]))
  })

  it('composes with map, parallel, remote, async checks, requires and itself', async () => {
    const view = rc.loadBalancedView()
    const later = depend(async (wanted: number) => place === wanted, 2)
    const both = later(depend((name: string) => name === 'x', 'x')((x: number) => x * 10 + place))
    expect(await view.with({ chunkSize: 2 }).map(both, [1, 2, 3, 4, 5])).toEqual([12, 22, 32, 42, 52])
    const settled = view.with({ chunkSize: 2, returnExceptions: true })
    expect(await settled.map(both, [1, 2, 3])).toEqual([12, 22, 32])
    expect(await view.remote(both)(7)).toBe(72)
    const pieces = depend(isAt, 0)((xs: number[]) => xs.map(x => x + place))
    expect(await view.parallel(pieces)([1, 2, 3, 4])).toEqual([1, 2, 3, 4])
    function helper(x: number): number {
      return x + 1
    }
    const needy = requires('node:zlib', helper)(both)
    expect(await view.apply((x: number) => needy(x), 1)).toBe(12)
  })

  it('that no engine meets fails at once and says which check', async () => {
    const error = await failure(rc.loadBalancedView().apply(depend(isAt, 9)(() => 1)))
    expect(error).toBeInstanceOf(ImpossibleDependency)
    expect(error.message).toBe(
      `its functional dependency is met by none of its 3 engines (${rc.ids.join(', ')}): the check isAt said no`,
    )
  })

  it('on a DirectView is an UnmetDependency, and the function is not called', async () => {
    const error = await failure(rc.at(0).apply(depend(isAt, 1)(() => process.exit(1))))
    expect(error).toBeInstanceOf(UnmetDependency)
    expect(error).not.toBeInstanceOf(ImpossibleDependency)
    expect(error.message).toBe(`the check isAt said no [engine ${rc.ids[0]}]`)
  })

  it('counts an UnmetDependency that is thrown, and no other error', async () => {
    const view = rc.loadBalancedView()
    const strict = () => {
      if (place !== 1) throw new UnmetDependency('not here')
      return true
    }
    expect(await view.apply(depend(strict)(() => place))).toBe(1)
    const broken = () => {
      throw new RangeError('no idea')
    }
    expect(await failure(view.apply(depend(broken)(() => 1)))).toMatchObject({ ename: 'RangeError' })
  })
})

describe('requires', () => {
  it('defines functions and classes under their names before the task runs', async () => {
    class Shape {
      area() {
        return 12
      }
    }
    function helper(x: number): number {
      return x * 3
    }
    const user = requires(
      helper,
      Shape,
    )(new Function('x', 'return helper(x) + new Shape().area()') as (x: number) => number)
    expect(await rc.at(0).apply(user, 2)).toBe(18)
    expect(await rc.at(0).apply(() => helper(5))).toBe(15)
  })

  it('says which module is missing, and sends the task to another engine', async () => {
    const alone = requires('itsparallel-has-no-such-module')(() => 1)
    const error = await failure(rc.at(0).apply(alone))
    expect(error).toBeInstanceOf(UnmetDependency)
    expect(error.message).toMatch(
      /^the module itsparallel-has-no-such-module cannot be imported \(Cannot find package/,
    )
    expect(await failure(rc.loadBalancedView().apply(alone))).toBeInstanceOf(ImpossibleDependency)
  })
})

describe('after and follow', () => {
  it('depend on maps, parts and tasks of other clients', async () => {
    const view = rc.loadBalancedView()
    const other = await cluster.connect()
    const foreign = other.loadBalancedView().apply(() => place)
    const map = view.map(async (x: number) => x, [1, 2, 3, 4, 5, 6])
    const parts = view.parallel((xs: number[]) => xs)([1, 2, 3])
    const last = view.with({ after: [map, parts, ...foreign.msgIds] }).apply(() => 'last')
    // The scheduler knows them once it has them: another client's task travels on another connection.
    await foreign
    const followed = await view.with({ follow: foreign.msgIds }).apply(() => place)
    expect(followed).toBe(await foreign)
    expect(await last).toBe('last')
    expect([map.ready(), parts.ready()]).toEqual([true, true])
    await other.close()
  })

  it('a failed dependency, an unknown one and a timeout are told at once and in words', async () => {
    const view = rc.loadBalancedView()
    const bad = view.apply(() => {
      throw new Error('bad')
    })
    const afterBad = await failure(view.with({ after: bad }).apply(() => 1))
    expect(afterBad).toBeInstanceOf(ImpossibleDependency)
    expect(afterBad.message).toBe(`\`after\` can no longer be met: task ${bad.msgIds[0]} failed`)
    expect(
      await view.with({ after: new Dependency(bad, { success: false, failure: true }) }).apply(() => 1),
    ).toBe(1)
    const unknown = await failure(view.with({ follow: 'nobody' }).apply(() => 1))
    expect(unknown).toBeInstanceOf(ImpossibleDependency)
    expect(unknown.message).toMatch(/depends on nobody, which is unknown here/)
    const endless = view.apply(() => new Promise<never>(() => {}))
    const late = await failure(view.with({ after: endless, timeout: 0.05 }).apply(() => 1))
    expect(late).toBeInstanceOf(TaskTimeout)
    expect(late.message).toBe('it waited 0.05 s for a task that it depends on, as long as its timeout allows')
    endless.cancel()
  })

  it('a graph of three thousand tasks runs in the order of its edges', async () => {
    const view = rc.loadBalancedView()
    const layers: ReturnType<typeof view.apply<[], bigint>>[][] = []
    for (let layer = 0; layer < 30; layer++) {
      const before = layers.at(-1)
      const after = before === undefined ? view : view.with({ after: before })
      layers.push(Array.from({ length: 100 }, () => after.apply(() => process.hrtime.bigint())))
    }
    const times = await Promise.all(layers.map(layer => Promise.all(layer)))
    // The clock behind hrtime is the machine's, and the same for all engines.
    const sorted = times.map(layer => layer.toSorted((a, b) => Number(a - b)))
    for (let layer = 1; layer < sorted.length; layer++)
      expect(sorted[layer]![0]).toBeGreaterThan(sorted[layer - 1]!.at(-1)!)
  })
})
