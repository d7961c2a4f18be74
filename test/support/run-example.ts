import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const root = new URL('../..', import.meta.url)

/** Runs a program of `examples/` as a user would, with a profile folder of its own, and gives what it printed. */
export async function runExample(file: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'example-'))
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', path.join('examples', file)],
      { cwd: root, env: { ...process.env, IPYTHONDIR: folder, NO_COLOR: '1' }, timeout: 55_000 },
    )
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
