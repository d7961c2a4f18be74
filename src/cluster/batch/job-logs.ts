import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hideKeys } from '../hide-keys.ts'
import type { JobFiles } from './batch-system.ts'

const TAIL_LINES = 20
const TAIL_CHARACTERS = 4096

/**
 * The last lines that a job's programs wrote, without the cluster's key; what cannot be read says so itself.
 *
 * @param task - one of an array; empty for whichever wrote last.
 */
export function lastLines({ log }: JobFiles, task = ''): string {
  const ofTask = logsOf(log).filter(({ path }) => path === `${log}-${task}.out`)
  const [newest] = (task === '' ? logsOf(log) : ofTask)
    .filter(file => file.size > 0)
    .sort((a, b) => b.changedMs - a.changedMs)
  if (newest === undefined) return ''
  try {
    const text = readFileSync(newest.path, 'utf8').trimEnd().slice(-TAIL_CHARACTERS)
    return hideKeys(text.split('\n').slice(-TAIL_LINES).join('\n'))
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Removes what nobody needs when a job has ended: its script, and logs in which there is nothing.
 *
 * @param isAsked - it was asked to end: then its logs tell just that.
 */
export function removeJobFiles({ script, description, log }: JobFiles, isAsked: boolean): void {
  const useless = logsOf(log).filter(file => isAsked || file.size === 0)
  for (const path of [script, description, `${log}.events`, ...useless.map(file => file.path)])
    rmSync(path, { force: true })
}

interface LogFile {
  readonly path: string
  readonly size: number
  readonly changedMs: number
}

function logsOf(log: string): LogFile[] {
  const folder = dirname(log)
  return namesIn(folder)
    .filter(name => name.startsWith(basename(log)) && name.endsWith('.out'))
    .flatMap(name => {
      const path = join(folder, name)
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? [] : [{ path, size: stat.size, changedMs: stat.mtimeMs }]
    })
}

/** None where the folder is gone: somebody has removed the profile under the job. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
