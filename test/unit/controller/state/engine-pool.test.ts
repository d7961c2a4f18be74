import { describe, expect, it } from 'vitest'
import { EnginePool } from '../../../../src/controller/state/engine-pool.ts'
import type { PlacementScheme } from '../../../../src/controller/state/placement.ts'
import { Burst, Prefetch } from '../../../../src/controller/state/prefetch.ts'
import { ANYWHERE } from '../../../../src/controller/state/waiting-room.ts'
import { seeded } from './seeded.ts'

const pool = (scheme: PlacementScheme, hwm: number | 'auto', random = () => 0) =>
  new EnginePool<string>({ scheme, hwm, random })

const newcomer = (uuid: string, id: number, language = 'javascript') => ({
  uuid,
  id,
  language,
  isAway: false,
  recalls: false,
})

function give(engines: EnginePool<string>, task: string): string | undefined {
  const engine = engines.nextFor(ANYWHERE, false)
  if (engine === undefined) return undefined
  engine.outstanding.set(task, task)
  engines.given(engine)
  engines.validate()
  return engine.uuid
}

describe('EnginePool', () => {
  it('[48] gives to a new engine first, then to the least recently used', () => {
    const engines = pool('leastload', 2)
    for (const name of ['a', 'b', 'c']) engines.add(newcomer(name, 0))
    const given = [1, 2, 3, 4, 5, 6, 7].map(n => give(engines, `t${n}`))
    expect(given).toEqual(['c', 'b', 'a', 'c', 'b', 'a', undefined])
  })

  it.each([
    [1, 2],
    [2, 4],
    [0, 1000],
  ])('[48] with hwm %i two engines take %i tasks', (hwm, expected) => {
    const engines = pool('leastload', hwm)
    engines.add(newcomer('a', 0))
    engines.add(newcomer('b', 1))
    let taken = 0
    while (taken < 1000 && give(engines, `t${taken}`) !== undefined) taken += 1
    expect(taken).toBe(expected)
  })

  it.each(['leastload', 'lru', 'plainrandom', 'twobin', 'weighted'] as const)(
    '%s agrees with its placement function in ten thousand random steps',
    scheme => {
      const random = seeded(7)
      const engines = pool(scheme, 'auto', random)
      const names: string[] = []
      for (let step = 0; step < 10_000; step++) {
        const dice = random()
        const engine = engines.get(names[Math.floor(random() * names.length)] ?? '')
        if (dice < 0.02 || engine === undefined) {
          names.push(`e${step}`)
          engines.add(newcomer(`e${step}`, step))
        } else if (dice < 0.03) {
          engines.remove(engine)
          names.splice(names.indexOf(engine.uuid), 1)
        } else if (dice < 0.5) give(engines, `t${step}`)
        else if (engine.load > 0) {
          engine.outstanding.delete(engine.outstanding.keys().next().value!)
          engine.prefetch.ran(random() < 0.1 ? 100 : 0.02)
          engines.changed(engine)
        } else if (dice > 0.99) engines.single = !engines.single
        if (step % 20 === 0) engines.validate()
      }
    },
  )

  it('gives an idle engine work before one that is in the middle of a run', () => {
    const engines = pool('leastload', 'auto')
    const busy = engines.add(newcomer('busy', 0))
    for (let i = 0; i < 10; i++) busy.prefetch.ran(0.01)
    engines.changed(busy)
    give(engines, 't1')
    engines.add(newcomer('idle', 1))
    expect(give(engines, 't2')).toBe('idle')
    expect([3, 4, 5, 6].map(n => give(engines, `t${n}`))).toEqual(['busy', 'busy', 'busy', 'busy'])
  })
})

describe('Prefetch', () => {
  const windows = (...runs: (number | undefined)[]): number[] => {
    const prefetch = new Prefetch()
    return runs.map(run => {
      prefetch.ran(run)
      return prefetch.window
    })
  }

  it.each([
    ['begins with one task', [], 1],
    ['grows within a few replies where tasks take microseconds', [0.02, 0.02, 0.02, 0.02, 0.02], 251],
    ['is never larger than a thousand', [0, 0, 0, 0, 0, 0, 0], 1000],
    ['holds one task of 100 ms', [100, 100, 100], 1],
    ['holds six of 1 ms', [1, 1, 1], 6],
    ['falls at once when a task is long', [0.02, 0.02, 0.02, 0.02, 50], 1],
    ['is one where no time is reported', [0.02, 0.02, undefined], 1],
    ['ignores nonsense', [0.02, Number.NaN], 1],
  ] as const)('%s', (_name, runs, expected) => {
    expect(windows(...runs).at(-1) ?? 1).toBe(expected)
  })

  it('learns from the other engines how short the tasks are, and from a long one that they are not', () => {
    const burst = new Burst()
    const [first, second] = [new Prefetch(burst), new Prefetch(burst)]
    for (let i = 0; i < 9; i++) first.ran(0.02)
    expect(second.window).toBe(1)
    second.ran(0.02)
    expect(second.window).toBe(251)
    first.ran(100)
    const third = new Prefetch(burst)
    third.ran(0.02)
    expect(third.window).toBe(4)
  })

  it('begins with one task again after the engine was idle', () => {
    const prefetch = new Prefetch()
    for (let i = 0; i < 9; i++) prefetch.ran(0.02)
    prefetch.idle()
    expect(prefetch.window).toBe(1)
    prefetch.ran(0.02)
    expect(prefetch.window).toBe(4)
  })
})
