import { describe, expect, it } from 'vitest'
import { AbortedIds } from '../../../src/base/aborted-ids.ts'

describe('AbortedIds', () => {
  it('gives each id once', () => {
    const ids = new AbortedIds()
    ids.add(['a', 'b'])
    expect([ids.take('a'), ids.take('a'), ids.take('c'), ids.take('b')]).toEqual([true, false, false, true])
  })

  it('forgets the oldest when there are too many', () => {
    const ids = new AbortedIds(2)
    ids.add(['a', 'b', 'c'])
    expect([ids.take('a'), ids.take('b'), ids.take('c')]).toEqual([false, true, true])
  })

  it('forgets everything when it is cleared', () => {
    const ids = new AbortedIds()
    ids.add(['a', 'b'])
    ids.clear()
    expect([ids.isEmpty, ids.take('a')]).toEqual([true, false])
  })
})
