import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let home: string
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'bench-test-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

function bench(...words: string[]) {
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/run.ts', ...words], {
    env: { ...process.env, IPYTHONDIR: home },
    timeout: 85_000,
  })
}

describe('bench', () => {
  it('prints a line for each figure and goal, then a table', async () => {
    const { stdout } = await bench('latency', '--peers=itsparallel')
    const lines = stdout.split('\n').filter(line => line.startsWith('{'))
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { workload: 'latency', peer: 'itsparallel', unit: 'µs', value: expect.any(Number) },
      { goal: '≤ 400', level: 'first', met: expect.any(Boolean) },
      { goal: '≤ 250', level: 'final', met: expect.any(Boolean) },
      // Without the peer nobody knows how we compare with it.
      { goal: '≤ 4 × bare net', reached: null, met: null },
    ])
    expect(stdout).toMatch(/│ +│ itsparallel │ goals/)
  }, 90_000)

  it.each([
    ['nonsense', 'no workload is called nonsense; there are start, tasks,'],
    ['--peers=nobody', 'no peer is called nobody; there are itsparallel,'],
    ['--fast', "Unknown option '--fast'"],
  ])('refuses %s with one clear error', async (word, message) => {
    await expect(bench(word)).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`bench: ${message}`),
    })
  })
})
