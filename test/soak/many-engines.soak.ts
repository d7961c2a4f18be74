import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

const BENCH = fileURLToPath(new URL('../../bench/controller-tasks.ts', import.meta.url))
const LINE = /^(\d+) engines \(registered in (\d+) ms\): .* ([\d.]+) µs in all its threads/gm

interface Round {
  readonly engines: number
  readonly registeredMs: number
  /** Processor time of the controller a task. */
  readonly us: number
}

describe('1,000 engines', () => {
  let rounds: Round[]
  beforeAll(async () => {
    const args = ['--import', 'tsx', BENCH, '--tasks=50000', '--engines=4,1000,4,1000,4,1000']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    rounds = [...stdout.matchAll(LINE)].map(([, engines, registeredMs, us]) => ({
      engines: Number(engines),
      registeredMs: Number(registeredMs),
      us: Number(us),
    }))
    console.log('many engines:', JSON.stringify(rounds))
  }, 900_000)

  /** The least of all rounds: what else the machine does only ever adds. */
  const least = (engines: number, figure: 'registeredMs' | 'us'): number =>
    Math.min(...rounds.filter(round => round.engines === engines).map(round => round[figure]))

  it('register within 10 s', () => {
    expect(least(1000, 'registeredMs')).toBeLessThan(10_000)
  })

  it('cost the controller at most 1.2 × as much a task as 4 do', () => {
    expect(least(1000, 'us') / least(4, 'us')).toBeLessThanOrEqual(1.2)
  })
})
