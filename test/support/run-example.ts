import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const root = new URL('../..', import.meta.url)

export interface RunOptions {
  readonly args?: readonly string[]
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program of `examples/` as a user would, with a profile folder of its own, and gives what it printed. */
export async function runExample(file: string, { args = [], env }: RunOptions = {}): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'example-'))
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', path.join('examples', file), ...args],
      { cwd: root, env: { ...process.env, ...env, IPYTHONDIR: folder, NO_COLOR: '1' }, timeout: 55_000 },
    )
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
