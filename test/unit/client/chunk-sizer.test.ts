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
    expect(cut.length).toBeLessThan(60)
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
    sizer.finished(100, 1)
    expect(sizer.next(undefined, 2)).toBeGreaterThan(1000)
    sizer.finished(100, 10_000)
    sizer.finished(100, 10_000)
    expect(sizer.next(undefined, 2)).toBe(1)
  })
})
