import { describe, expect, it } from 'vitest'
import { TrailingOutputs } from '../../../../src/controller/state/trailing-outputs.ts'

describe('TrailingOutputs', () => {
  it('misses nothing where no outputs were announced, or all came before', () => {
    const trailing = new TrailingOutputs()
    expect(trailing.ended('none', 0, 0)).toBe(true)
    expect(trailing.ended('unknown', undefined, 0)).toBe(true)
    expect([trailing.came('two'), trailing.came('two')]).toEqual([false, false])
    expect(trailing.ended('two', 2, 0)).toBe(true)
    expect(trailing.isTrailing('two')).toBe(false)
    expect(trailing.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('waits for the last output of each request', () => {
    const trailing = new TrailingOutputs(1000)
    trailing.came('a')
    expect(trailing.ended('a', 3, 10)).toBe(false)
    expect(trailing.ended('b', 1, 20)).toBe(false)
    expect(trailing.isTrailing('a')).toBe(true)
    expect([trailing.came('a'), trailing.came('b'), trailing.came('a')]).toEqual([false, true, true])
    expect(trailing.isTrailing('a')).toBe(false)
  })

  it('loses its patience with outputs that never come', () => {
    const trailing = new TrailingOutputs(1000)
    trailing.ended('a', 1, 10)
    trailing.ended('b', 1, 20)
    expect(trailing.wakeAtMs).toBe(1010)
    expect(trailing.tick(1009)).toEqual([])
    expect(trailing.tick(1010)).toEqual(['a'])
    expect(trailing.wakeAtMs).toBe(1020)
  })

  it('forgets the oldest counts that nobody asks for', () => {
    const trailing = new TrailingOutputs(1000, 2)
    for (const id of ['a', 'b', 'c']) trailing.came(id)
    expect(trailing.ended('a', 1, 0)).toBe(false)
    expect(trailing.ended('c', 1, 0)).toBe(true)
  })
})
