/** The examples whose engines are ranks of an MPI program, with each MPI as `mpiexec`. */

import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MPI_ENVIRONMENT, mpiFamilies } from '../support/mpi.ts'
import { DEBIAN_PYTHON, describeNeeds, skipAloudWithout } from '../support/needs.ts'
import { runExample } from '../support/run-example.ts'

const families = mpiFamilies()

skipAloudWithout(families, 'examples over MPI', 'neither openmpi-bin nor mpich is installed')

describe.each(families)('examples over $name', family => {
  let folder: string
  let env: Readonly<Record<string, string>>
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'mpiexec-'))
    // Not a link: MPICH's looks for its other programs where it is called.
    await writeFile(path.join(folder, 'mpiexec'), `#!/bin/sh\nexec ${family.mpiexec} "$@"\n`, { mode: 0o755 })
    env = { ...MPI_ENVIRONMENT, PATH: `${folder}:${process.env.PATH}` }
  })
  afterEach(() => rm(folder, { recursive: true }))

  describeNeeds('examples/psum', ['numpy'], () => {
    it("gives numpy's sum and the serial one on every engine", async () => {
      const stdout = await runExample('psum/psum.ts', { args: ['--terms=4002'], env })
      expect(stdout).toContain('engines, by rank: [ 0, 1, 2, 3 ]\n')
      expect(stdout).toContain('terms of each: [ 1001, 1001, 1000, 1000 ]\n')
      expect(stdout).toContain('the same on every engine: true\n')
      expect(stdout).toContain('difference below 1e-12: true\n')
      const program = 'import numpy; print(float(numpy.sum(1 / numpy.arange(1.0, 4003.0) ** 2)))'
      const ofNumpy = Number(execFileSync(DEBIAN_PYTHON, ['-c', program], { encoding: 'utf8' }))
      const [, total] = stdout.match(/^psum: +([\d.]+)$/m)!
      expect(Math.abs(Number(total) - ofNumpy)).toBeLessThan(1e-12)
    }, 60_000)
  })

  it('examples/wave2d steers waves across a pond as the serial solver does, and draws them', async () => {
    const output = path.join(folder, 'pictures', 'waves.png')
    const args = ['--rows=120', `--output=${output}`]
    const stdout = await runExample('wave2d/steer.ts', { args, env })
    for (const [rank, place] of ['(0, 0)', '(0, 96)', '(60, 0)', '(60, 96)'].entries())
      expect(stdout).toContain(`engine ${rank}: 60 × 96 points from ${place}\n`)
    expect(stdout).toContain('largest difference from the serial solver: 0\n')

    // At 0.6 points a step the waves cross 192 points in 320 steps, which are three blocks: not before, and not later.
    expect(stdout).toMatch(
      /^step 107: .* near the far shore 0\.00 .*\nstep 214: .* near the far shore 0\.00 .*\nstep 321: .*\n {2}they have come across/m,
    )
    expect(stdout).toContain(`picture: ${output}\n`)
    const { width, height, lines } = readPng(await readFile(output))
    expect([width, height]).toEqual([2 * 192 + 3 * 14, 3 * 120 + 4 * 14])
    expect(lines).toHaveLength(height * (1 + width * 3))
  }, 60_000)
})

/** What a PNG file of one data chunk holds. */
function readPng(png: Buffer): { width: number; height: number; lines: Buffer } {
  const [header, data, end] = ['IHDR', 'IDAT', 'IEND'].map(type => png.indexOf(type) + 4)
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  expect(end).toBe(png.length - 4)
  const length = png.readUInt32BE(data! - 8)
  return {
    width: png.readUInt32BE(header!),
    height: png.readUInt32BE(header! + 4),
    lines: inflateSync(png.subarray(data!, data! + length)),
  }
}
