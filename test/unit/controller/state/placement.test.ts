import { describe, expect, it } from 'vitest'
import { leastload, lru, plainrandom, twobin, weighted } from '../../../../src/controller/state/placement.ts'

const candidates = [3, 1, 0, 0, 2].map((load, index) => ({ load, index }))
const sequence = (...numbers: number[]) => {
  let at = 0
  return () => numbers[at++ % numbers.length]!
}

describe('placement', () => {
  it.each([
    ['leastload takes the least loaded, the least recently used among equals', leastload, [], 2],
    ['lru takes the first', lru, [], 0],
    ['plainrandom takes any', plainrandom, [0.99], 4],
    ['plainrandom survives a random number of 1', plainrandom, [1], 4],
    ['twobin takes the earlier of two', twobin, [0.9, 0.25], 1],
    ['weighted draws the idle ones far more often', weighted, [0.3, 0.7], 2],
  ] as const)('%s', (_name, place, numbers, expected) => {
    expect(place(candidates, sequence(...numbers)).index).toBe(expected)
  })

  it('weighted takes the less loaded of its two draws', () => {
    const loaded = [5, 1].map(load => ({ load }))
    expect(weighted(loaded, sequence(0, 0.99)).load).toBe(1)
    expect(weighted(loaded, sequence(0.99, 0)).load).toBe(1)
  })
})
