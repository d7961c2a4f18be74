import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockBounds, type Distribution, joinPieces, partition } from '../../../src/client/partition.ts'

describe('partition', () => {
  it('partition gives the first blocks one more when it does not divide', () => {
    expect(partition([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 4)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8],
      [9, 10],
    ])
  })

  it('partition deals round-robin', () => {
    expect(partition([0, 1, 2, 3, 4, 5, 6], 3, 'r')).toEqual([
      [0, 3, 6],
      [1, 4],
      [2, 5],
    ])
  })

  it('partition gives empty pieces when there are fewer elements than parts', () => {
    expect(partition([1, 2], 4)).toEqual([[1], [2], [], []])
    expect(partition([1, 2], 4, 'r')).toEqual([[1], [2], [], []])
    expect(partition([], 2)).toEqual([[], []])
  })

  it('partition of a typed array gives views on the same memory', () => {
    const whole = new Float64Array([1, 2, 3, 4, 5])
    const [first, second] = partition(whole, 2) as [Float64Array, Float64Array]
    expect(first).toEqual(new Float64Array([1, 2, 3]))
    expect(second.buffer).toBe(whole.buffer)
    expect(partition(new Int16Array([1, 2, 3]), 2, 'r')).toEqual([
      new Int16Array([1, 3]),
      new Int16Array([2]),
    ])
  })

  it('partition never cuts a character in two, and reads any iterable', () => {
    expect(partition('a😀b', 2)).toEqual(['a😀', 'b'])
    expect(partition(new Set([1, 2, 3]), 2)).toEqual([[1, 2], [3]])
    expect(partition(Buffer.from([1, 2, 3]), 2, 'r')).toEqual([new Uint8Array([1, 3]), new Uint8Array([2])])
  })

  it('joinPieces is the inverse of partition, for every length, number of parts and kind', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -100, max: 100 })),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom<Distribution>('b', 'r'),
        (numbers, parts, dist) => {
          for (const whole of [numbers, Float64Array.from(numbers), Int8Array.from(numbers)]) {
            const pieces = partition(whole, parts, dist)
            expect(pieces).toHaveLength(parts)
            expect(joinPieces(pieces, dist)).toEqual(whole)
          }
        },
      ),
    )
  })

  it('joinPieces leaves alone what is no sequence', () => {
    expect(joinPieces(['host-a', 'host-b'])).toEqual(['host-a', 'host-b'])
    expect(joinPieces([1, 2])).toEqual([1, 2])
    expect(joinPieces([])).toEqual([])
    expect(joinPieces([[1], new Float64Array([2])])).toEqual([1, 2])
  })

  it('joinPieces joins long arrays without overflowing the stack', () => {
    const pieces = [new Array(300_000).fill(1), new Array(300_000).fill(2)]
    expect(joinPieces(pieces)).toHaveLength(600_000)
  })

  it('blockBounds covers everything once', () => {
    const bounds = [0, 1, 2].map(part => blockBounds(7, part, 3))
    expect(bounds).toEqual([
      [0, 3],
      [3, 5],
      [5, 7],
    ])
  })
})
