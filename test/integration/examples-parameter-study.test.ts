import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'example-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the study on two engines, with a home and a folder for temporary files of its own. */
function study(...words: string[]) {
  const args = ['--import', 'tsx', 'examples/parameter-study/study.ts', '--n=2', ...words]
  const env = { ...process.env, TMPDIR: folder, IPYTHONDIR: path.join(folder, 'ipython') }
  return promisify(execFile)(process.execPath, args, { env, timeout: 110_000, killSignal: 'SIGTERM' })
}

/** The gate runs the main job whole; elsewhere a grid of a third of the trials leads to the same pair. */
const points = process.env.ITSPARALLEL_REQUIRE_ALL === '1' ? 21 : 11

describe('examples/parameter-study', () => {
  it('finds the pair of the literature, shows what failed, and draws the picture', async () => {
    const output = path.join(folder, 'picture', 'epidemic.svg')
    const { stdout } = await study(`--output=${output}`, `--points=${points ** 2}`)

    const [, beta, gamma, r0] = stdout.match(
      /Best pair: β = ([\d.]+) a day, γ = ([\d.]+) a day, R0 = β\/γ = ([\d.]+)/,
    )!
    expect(Number(beta)).toBeGreaterThan(1.655)
    expect(Number(beta)).toBeLessThan(1.675)
    expect(Number(gamma)).toBeGreaterThan(0.435)
    expect(Number(gamma)).toBeLessThan(0.455)
    expect(Number(r0)).toBeCloseTo(3.76, 1)

    // The edges of the grid, where the model makes no sense: the simulator refused them, and the study went on.
    expect(stdout).toContain(`Coarse grid: ${points ** 2} trials`)
    const step = 3 / (points - 1)
    expect(stdout).toMatch(
      new RegExp(`${points} × simulate-sir: --beta must be above 0.*\\(first: β = 0, γ = 0\\)`),
    )
    expect(stdout).toMatch(
      new RegExp(`${points - 1} × simulate-sir: --gamma must be above 0.*\\(first: β = ${step}, γ = 0\\)`),
    )

    const speedups = [...stdout.matchAll(/a speed-up of ([\d.]+) over serial time on 2 engines/g)].map(
      ([, text]) => Number(text),
    )
    expect(speedups).toHaveLength(3)
    for (const speedup of speedups) {
      expect(speedup).toBeGreaterThan(1)
      expect(speedup).toBeLessThanOrEqual(2)
    }

    expect(stdout).toContain(`Picture: ${output}`)
    expect(await readFile(output, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect((await readdir(folder)).filter(name => name.startsWith('parameter-study-'))).toEqual([])
  }, 120_000)

  it.each([
    [
      '--simulator=/no/such/simulator',
      'there is no executable simulator at /no/such/simulator; name one with',
    ],
    ['--points=none', '--points must be a number from 4, not none'],
    ['--n=0', 'cannot start 0 engines'],
    ['--colour', "Unknown option '--colour'"],
  ])('gives one clear error for %s', async (word, message) => {
    await expect(study(word)).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^parameter-study: ${message}[^\\n]*\\n$`)),
    })
  })

  it('ends with what the simulator said when every trial fails', async () => {
    const simulator = path.join(folder, 'broken-simulator')
    await writeFile(simulator, '#!/bin/sh\necho "no licence left" >&2\nexit 3\n')
    await chmod(simulator, 0o755)
    await expect(study('--points=4', `--simulator=${simulator}`)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^parameter-study: every trial failed: 4 × no licence left .*\n$/m),
    })
  }, 60_000)
})
