import { describe, expect, it } from 'vitest'
import { seeded } from '../unit/controller/state/seeded.ts'
import { simulateMap } from './map-simulation.ts'

type Random = () => number

const SEEDS = Array.from({ length: 25 }, (_, i) => i + 1)

function hundred(draw: (random: Random) => number) {
  return (random: Random) => Array.from({ length: 100 }, () => draw(random))
}

/** A hundred tasks that take from 1 ms to 1 s, in ms. */
const uniform = hundred(random => 1 + 999 * random())
const logUniform = hundred(random => 10 ** (3 * random()))
const heavyTail = hundred(random => Math.min(1000, (1 - random()) ** -1.2))
const fewLong = hundred(random => (random() < 0.1 ? 1000 : 1))
const ascending = (random: Random) => logUniform(random).sort((a, b) => a - b)
const descending = (random: Random) => logUniform(random).sort((a, b) => b - a)

/** How much longer than the bound a map takes, over all seeds: the middle of them, and the worst. */
function ratios(make: (random: Random) => number[], engines: number, chunkSize: 1 | 'auto' = 'auto') {
  const sorted = SEEDS.map(seed => simulateMap(make(seeded(seed)), engines, chunkSize).ratio).sort(
    (a, b) => a - b,
  )
  return { median: sorted[SEEDS.length >> 1]!, worst: sorted.at(-1)! }
}

describe('the schedule of a balanced map', () => {
  it.each([2, 4])(
    'a map of 100 tasks of 1 ms to 1 s in random order is within a tenth of the best on %i engines',
    engines => {
      expect(ratios(uniform, engines).worst).toBeLessThan(1.1)
      expect(ratios(logUniform, engines).median).toBeLessThan(1.1)
    },
  )

  it('a map of tasks over three orders of magnitude is within 10 % on two engines, whatever the seed', () => {
    expect(ratios(logUniform, 2).worst).toBeLessThan(1.1)
    expect(ratios(ascending, 2).worst).toBeLessThan(1.1)
    expect(ratios(descending, 2).worst).toBeLessThan(1.01)
  })

  // Who does not know what is coming cannot do better than to give each free engine the next task.
  it.each([
    ['uniform', uniform],
    ['logarithmic', logUniform],
    ['heavy-tailed', heavyTail],
    ['a few long ones', fewLong],
    ['ascending', ascending],
    ['descending', descending],
  ])('chunks cost nothing where tasks differ: %s', (_, make) => {
    for (const engines of [2, 4])
      expect(ratios(make, engines).median).toBeLessThan(ratios(make, engines, 1).median * 1.02)
  })

  it('tasks of a second go one by one from the first to the last', () => {
    expect(simulateMap(new Array(40).fill(1000), 4)).toMatchObject({ messages: 40 })
    expect(simulateMap(new Array(40).fill(1000), 4).ratio).toBeLessThan(1.001)
  })

  it('a long last task begins when an engine is free for it, and waits for no other', () => {
    const shortMs = 10
    const { ms } = simulateMap([...new Array(99).fill(shortMs), 1000], 2)
    expect(ms).toBeLessThan(1000 + 55 * shortMs)
  })

  it('short elements travel in few messages', () => {
    const { ratio, messages } = simulateMap(new Array(100_000).fill(0.01), 2)
    expect(messages).toBeLessThan(200)
    expect(ratio).toBeLessThan(1.05)
  })

  it('rare long elements among short ones hold up little', () => {
    const make = (random: Random) => Array.from({ length: 5000 }, () => (random() < 0.001 ? 200 : 0.1))
    for (const seed of [1, 2, 3]) {
      const { ratio, messages } = simulateMap(make(seeded(seed)), 2)
      expect(ratio).toBeLessThan(1.25)
      expect(messages).toBeLessThan(1500)
    }
  })
})
