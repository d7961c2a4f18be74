import { describe, expect, it } from 'vitest'
import { RunTimes } from '../../../src/engine/run-times.ts'

const makeAdder = (by: number) => (x: number) => x + by

describe('RunTimes', () => {
  it('takes no function for tiny before it has run', () => {
    expect(new RunTimes().isTiny(() => 1)).toBe(false)
  })

  it('takes a function for tiny after a short run, and those of the same text with it', () => {
    const times = new RunTimes()
    times.record(makeAdder(1), 0.01)
    expect(times.isTiny(makeAdder(2))).toBe(true)
  })

  it('counts a slow run at once, and forgets it over a dozen short ones', () => {
    const times = new RunTimes()
    const fn = makeAdder(1)
    times.record(fn, 0.01)
    times.record(fn, 1)
    expect(times.isTiny(fn)).toBe(false)
    for (let i = 0; i < 12; i++) times.record(fn, 0.01)
    expect(times.isTiny(fn)).toBe(true)
  })
})
