import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('examples/dag keeps the order of every edge', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'example-'))
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'examples/dag/dag.ts'],
      { env: { ...process.env, IPYTHONDIR: folder, NO_COLOR: '1' }, timeout: 55_000 },
    )
    expect(stdout).toBe(`\
32 tasks, 128 edges, the longest way has 13 tasks
tasks that had nothing to wait for: 2
edges whose end started after their beginning had finished: 128 of 128
`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)
