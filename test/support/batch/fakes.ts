/** Batch systems that Debian does not have: their commands, as `test/fixtures/batch/fake-batch.mjs` plays them. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { PrivateSystem } from './daemons.ts'

const PROGRAM = fileURLToPath(new URL('../../fixtures/batch/fake-batch.mjs', import.meta.url))

const COMMANDS = {
  lsf: ['bsub', 'bjobs', 'bkill'],
  pbs: ['qsub', 'qstat', 'qdel', 'qsig'],
  htcondor: ['condor_submit', 'condor_q', 'condor_history', 'condor_rm', 'condor_suspend', 'condor_continue'],
} as const

/** A system whose commands come first on its PATH. */
export async function startFake(name: keyof typeof COMMANDS): Promise<PrivateSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'itsparallel-fake-'))
  const [bin, jobs] = [join(folder, 'bin'), join(folder, 'jobs')] as const
  mkdirSync(bin)
  mkdirSync(jobs)
  for (const command of COMMANDS[name]) {
    const text = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' ${command} "$@"\n`
    writeFileSync(join(bin, command), text, { mode: 0o755 })
  }
  return {
    env: { PATH: `${bin}:${process.env.PATH}`, FAKE_BATCH: jobs },
    queue: () => runningJobs(jobs),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

function runningJobs(jobs: string): string[] {
  return readdirSync(jobs, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.pid'))
    .filter(name => !existsSync(join(jobs, name.replace('.pid', '.end'))))
    .filter(name => isAlive(readFileSync(join(jobs, name), 'utf8')))
}

/** Whoever has ended may stay in the table of processes until somebody asks how. */
function isAlive(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
