import { describe, expect, it } from 'vitest'
import { ResultWaits } from '../../../../src/controller/state/result-waits.ts'

describe('ResultWaits', () => {
  it('gives each waiter out once, at the first end that concerns it', () => {
    const waits = new ResultWaits<string>()
    waits.add(['a', 'b'], 'first')
    waits.add(['b', 'c'], 'second')
    expect(['a', 'b', 'c', 'd'].map(id => waits.isAwaited(id))).toEqual([true, true, true, false])
    expect(waits.ended('d')).toEqual([])
    expect(waits.ended('b')).toEqual(['first', 'second'])
    expect(waits.ended('a')).toEqual([])
    expect(waits.isAwaited('c')).toBe(false)
  })

  it('takes no more than it may, until others are given out', () => {
    const waits = new ResultWaits<string>(1)
    expect(waits.add(['a'], 'first')).toBe(true)
    expect(waits.add(['b'], 'second')).toBe(false)
    waits.ended('a')
    expect(waits.add(['b'], 'third')).toBe(true)
  })
})
