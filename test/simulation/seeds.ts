import { describe, expect, it } from 'vitest'
import { simulate } from '../../src/testing/simulate.ts'

/** How long a few hundred seeds may take on a busy machine. */
const TIMEOUT_MS = 120_000
const SEEDS_PER_TEST = 250

/** Runs the seeds from `first` on, in bundles, each a test. The first that fails is told, and how to see it again. */
export function testSeeds(first: number, count: number): void {
  describe('a simulated cluster', () => {
    for (let from = first; from < first + count; from += SEEDS_PER_TEST) {
      const last = from + SEEDS_PER_TEST - 1
      it(`keeps every promise under the seeds ${from} to ${last}`, { timeout: TIMEOUT_MS }, async () => {
        const sum = { requests: 0, deaths: 0 }
        for (let seed = from; seed <= last; seed++) {
          const { requests, deaths } = await simulate(seed)
          sum.requests += requests
          sum.deaths += deaths
        }
        // A workload that asks for nothing, or faults that hit nothing, would keep every promise, too.
        expect(sum.requests).toBeGreaterThan(10 * SEEDS_PER_TEST)
        expect(sum.deaths).toBeGreaterThan(SEEDS_PER_TEST)
      })
    }
  })
}
