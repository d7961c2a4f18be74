import { expect, it } from 'vitest'
import { Pace } from '../../../../src/transport/state/pace.ts'

const MIB = 1024 * 1024
const READ = 65_536

/** Reads `bytes` at a time, every `ms`; the answers from the first read on. */
function paced(size: number, bytes: number, ms: number, reads: number): boolean[] {
  const pace = new Pace(size, 0)
  return Array.from({ length: reads }, (_, i) => pace.grew(bytes, (i + 1) * bytes, i * ms))
}

it('Pace tells that the rest is near when it will be there within a quarter of a second', () => {
  // 32 KiB every ms are 64 MiB in two seconds.
  const answers = paced(64 * MIB, READ / 2, 1, 2048)
  expect((answers.indexOf(true) * READ) / 2 / MIB).toBeCloseTo(56, 0)
  // Ten times as fast.
  expect((paced(64 * MIB, READ / 2, 0.1, 2048).indexOf(true) * READ) / 2).toBe(256 * 1024)
})

it('Pace never calls a slow rest near, and a small rest near at the end', () => {
  expect(paced(64 * MIB, 10_000, 100, 300)).not.toContain(true)
  expect(paced(1 * MIB, 10_000, 10, 104).indexOf(true)).toBeGreaterThan(75)
})

it('Pace does not take what had gathered for the pace of the peer', () => {
  // Three MiB at once, and then 32 KiB every 10 ms.
  const pace = new Pace(64 * MIB, 1000)
  for (let i = 1; i <= 48; i++) expect(pace.grew(READ, i * READ, 1000 + i / 100)).toBe(false)
  for (let i = 1; i <= 100; i++)
    expect(pace.grew(READ / 2, 48 * READ + (i * READ) / 2, 1000 + 10 * i)).toBe(false)
})

it('Pace counts from the beginning when more has come than will have gathered', () => {
  const answers = paced(64 * MIB, READ, 0.05, 100)
  expect((answers.indexOf(true) + 1) * READ).toBe(4 * MIB)
})
