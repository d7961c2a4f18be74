import { describe, expect, it } from 'vitest'
import { EarlyDeaths } from '../../../../src/cluster/state/early-deaths.ts'

describe('EarlyDeaths', () => {
  it('lets all but the last of as many as are allowed be replaced', () => {
    const deaths = new EarlyDeaths(3, 1000)
    expect([0, 1, 2, 3].map(nowMs => deaths.count(nowMs))).toEqual([true, true, false, false])
  })

  it('forgets each when its window is over', () => {
    const deaths = new EarlyDeaths(2, 1000)
    expect(deaths.count(0)).toBe(true)
    expect(deaths.count(999)).toBe(false)
    expect(deaths.count(1999)).toBe(true)
  })
})
