import { describe, expect, it } from 'vitest'
import { simulate } from '../../src/testing/simulate.ts'

describe('simulate', () => {
  it('gives the same journal for the same seed, byte for byte', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [one, other] = [await simulate(seed, true), await simulate(seed, true)]
      expect(one.journal.length).toBeGreaterThan(50)
      expect(other.journal.join('\n')).toBe(one.journal.join('\n'))
    }
  })

  it('gives another journal for another seed', async () => {
    const [one, other] = [await simulate(1, true), await simulate(2, true)]
    expect(other.journal).not.toEqual(one.journal)
  })

  it('keeps no line for messages when nobody asked for them, and runs the same', async () => {
    const [traced, quiet] = [await simulate(3, true), await simulate(3)]
    expect(quiet.journal.length).toBeLessThan(traced.journal.length)
    expect({ ...quiet, journal: [] }).toEqual({ ...traced, journal: [] })
  })
})
