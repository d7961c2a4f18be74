import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const BENCH = fileURLToPath(new URL('../../bench/controller-tasks.ts', import.meta.url))
const LINE = /^(\d+) engines \(registered in (\d+) ms\): .* ([\d.]+) µs in all its threads/gm

it('1,000 engines register within 10 s, and a task costs at most 1.2 × what it does with 4', async () => {
  const args = ['--import', 'tsx', BENCH, '--tasks=100000', '--engines=4,1000,4,1000,4,1000']
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 20 })
  const rounds = [...stdout.matchAll(LINE)].map(([, engines, registeredMs, us]) => ({
    engines: Number(engines),
    registeredMs: Number(registeredMs),
    us: Number(us),
  }))
  const of = (engines: number) => rounds.filter(round => round.engines === engines)
  console.log('many engines:', JSON.stringify(rounds))
  expect([of(4).length, of(1000).length]).toEqual([3, 3])
  for (const { registeredMs } of of(1000)) expect(registeredMs).toBeLessThan(10_000)
  // Its processor time, and the least of each: what else the machine does only ever adds.
  const least = (engines: number) => Math.min(...of(engines).map(({ us }) => us))
  expect(least(1000) / least(4)).toBeLessThanOrEqual(1.2)
}, 600_000)
