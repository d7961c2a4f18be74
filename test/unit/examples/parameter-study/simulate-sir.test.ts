import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const simulator = path.resolve('examples/parameter-study/simulate-sir.mjs')
const flu = { beta: 1.67, gamma: 0.44, population: 763, infected: 1, days: 14 }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'simulate-sir-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs the simulator as a study does: by its own name, with its parameters on the command line. */
function run(parameters: Record<string, number | string>) {
  const words = Object.entries(parameters).map(([name, value]) => `--${name}=${value}`)
  return promisify(execFile)(simulator, words, { timeout: 20_000 })
}

/** The rows that it writes, as numbers: day, susceptible, infected, recovered. */
async function simulate(parameters: typeof flu): Promise<number[][]> {
  const output = path.join(folder, 'epidemic.csv')
  await run({ ...parameters, output })
  const [head, ...rows] = (await readFile(output, 'utf8')).trim().split('\n')
  expect(head).toBe('day,susceptible,infected,recovered')
  return rows.map(row => row.split(',').map(Number))
}

describe('simulate-sir', () => {
  it('writes a row for each day, from day 0', async () => {
    const rows = await simulate(flu)
    expect(rows.map(([day]) => day)).toEqual(Array.from({ length: 15 }, (_, day) => day))
    expect(rows[0]).toEqual([0, 762, 1, 0])
  })

  it('loses nobody', async () => {
    for (const [, s, i, r] of await simulate(flu)) expect(s! + i! + r!).toBeCloseTo(763, 9)
  })

  it('keeps the first integral of the model, I + S − (γ N / β) ln S', async () => {
    const integral = (s: number, i: number) => i + s - ((flu.gamma * flu.population) / flu.beta) * Math.log(s)
    const rows = await simulate({ ...flu, days: 60 })
    for (const [, s, i] of rows) expect(integral(s!, i!)).toBeCloseTo(integral(762, 1), 5)
  })

  it('lets an epidemic with R0 below 1 die out', async () => {
    const infected = (await simulate({ ...flu, beta: 0.3 })).map(([, , i]) => i!)
    expect(infected).toEqual([...infected].sort((a, b) => b - a))
  })

  it.each([
    ['--beta must be above 0', { beta: 0 }],
    ['--gamma must be above 0', { gamma: 0 }],
    ['--gamma must be above 0', { gamma: -0.1 }],
    ['--beta must be a number', { beta: 'much' }],
    ['--infected must lie above 0', { infected: 800 }],
    ['--days must be a whole number', { days: 1.5 }],
    ['--output is missing', { output: '' }],
    ["Unknown option '--delta'", { delta: 1 }],
  ])('refuses with exit code 2: %s', async (message, wrong) => {
    const output = path.join(folder, 'refused.csv')
    await expect(run({ ...flu, output, ...wrong })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(new RegExp(`^simulate-sir: ${message}[^\\n]*\\n$`)),
    })
  })

  it('ends with exit code 1 when its output cannot be written', async () => {
    const output = path.join(folder, 'no', 'such', 'folder.csv')
    await expect(run({ ...flu, output })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot write the output'),
    })
  })
})
