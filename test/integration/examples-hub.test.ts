import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('examples/hub finds and runs again what another client left', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'example-'))
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'examples/hub/hub.ts'],
      { env: { ...process.env, IPYTHONDIR: folder, NO_COLOR: '1' }, timeout: 55_000 },
    )
    expect(stdout).toBe(`\
the first client is gone, and left 4 tasks
its cubes: [ 1, 8, 27 ]
what they printed: cube of 1, cube of 2, cube of 3
its failure: TypeError
failed, by the records: 1
run again: 10.0
left after purging: 0
`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)
