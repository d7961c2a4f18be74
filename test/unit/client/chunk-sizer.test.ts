import { describe, expect, it } from 'vitest'
import { ChunkSizer } from '../../../src/client/chunk-sizer.ts'

/** The sizes that a map over `total` elements is cut into when every element takes `elementMs`. */
function sizes(total: number, elementMs: number, engines = 2): number[] {
  const sizer = new ChunkSizer()
  const cut: number[] = []
  for (let left = total; left > 0; ) {
    const size = sizer.next(left, engines)
    cut.push(size)
    left -= size
    sizer.finished(size, size * elementMs)
  }
  return cut
}

describe('ChunkSizer', () => {
  it('ChunkSizer sends long tasks one by one', () => {
    expect(sizes(100, 500)).toEqual(new Array(100).fill(1))
  })

  it('ChunkSizer begins with one element, and needs few messages for a million short ones', () => {
    const cut = sizes(1_000_000, 0.0001)
    expect(cut[0]).toBe(1)
    expect(cut.length).toBeLessThan(100)
    expect(Math.max(...cut)).toBeLessThanOrEqual(65_536)
  })

  it('ChunkSizer gives a message about 25 ms of work, and smaller ones near the end', () => {
    const cut = sizes(10_000, 0.5)
    expect(Math.max(...cut)).toBe(50)
    expect(cut.at(-1)).toBeLessThanOrEqual(2)
  })

  it('ChunkSizer covers every element exactly once', () => {
    for (const total of [1, 2, 3, 17, 1000])
      for (const elementMs of [0, 0.001, 1, 100])
        expect(sizes(total, elementMs).reduce((sum, size) => sum + size, 0)).toBe(total)
  })

  it('ChunkSizer follows when elements get slower', () => {
    const sizer = new ChunkSizer()
    sizer.finished(10_000, 100)
    expect(sizer.next(undefined, 2)).toBeGreaterThan(1000)
    sizer.finished(100, 10_000)
    sizer.finished(100, 10_000)
    expect(sizer.next(undefined, 2)).toBeLessThan(30)
    for (let i = 0; i < 100; i++) sizer.finished(1, 100)
    expect(sizer.next(undefined, 2)).toBe(1)
  })

  it('ChunkSizer sends single elements as long as some of them take long', () => {
    const sizer = new ChunkSizer()
    for (let i = 0; i < 100; i++) sizer.finished(1, i % 10 === 3 ? 1000 : 1)
    expect(sizer.next(1000, 2)).toBe(1)
  })

  it('ChunkSizer gives no more on the strength of a few measurements than they make plausible', () => {
    const sizer = new ChunkSizer()
    for (let i = 0; i < 8; i++) sizer.finished(1, 0.001)
    expect(sizer.next(undefined, 2)).toBe(2)
    expect(sizer.next(undefined, 100)).toBe(1)
  })

  it('ChunkSizer takes the spread of elements from the means of pieces', () => {
    const singles = new ChunkSizer()
    const pairs = new ChunkSizer()
    for (let i = 0; i < 1000; i++) {
      singles.finished(1, i % 2)
      pairs.finished(2, [0, 1, 1, 2][i % 4]!)
    }
    expect(pairs.next(undefined, 1) / singles.next(undefined, 1)).toBeCloseTo(1, 0)
  })
})
