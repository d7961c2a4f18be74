import { describe, expect, it } from 'vitest'
import { metg, metgMs, TASK_SECONDS } from '../../../bench/workloads/metg.ts'

/** Seconds that the tasks of each length take where every task costs so much besides its own length. */
function withOverhead(overheadSeconds: number): number[] {
  const { parts = [] } = metg.shares.itsparallel!
  return parts.map(({ count, taskSeconds }) => (count * (taskSeconds + overheadSeconds)) / metg.engines)
}

describe('metgMs', () => {
  const { count } = metg.shares.itsparallel!

  it('is the length that equals the overhead of a task', () => {
    // Halves of 40 ms are among the lengths; what lies between two of them is a straight line, and nearly right.
    expect(metgMs(withOverhead(0.04 / 2 ** 6), count)).toBeCloseTo(40 / 2 ** 6, 10)
    expect(metgMs(withOverhead(0.001), count)).toBeGreaterThan(0.98)
    expect(metgMs(withOverhead(0.001), count)).toBeLessThan(1.02)
  })

  it('is the shortest length that was tried when that is long enough', () => {
    expect(metgMs(withOverhead(0), count)).toBe(TASK_SECONDS.at(-1)! * 1000)
  })

  it('is infinite when no length that was tried is long enough', () => {
    expect(metgMs(withOverhead(1), count)).toBe(Number.POSITIVE_INFINITY)
  })
})
