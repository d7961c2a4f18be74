import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { ProgramPlace } from './program.ts'

/**
 * What is done when this process is gone, however it ended, and nobody else on this machine is left to do it: a shell
 * waits for the end of a pipe from us.
 *
 * @param ending - what is ended then: the process of this number, or the `jobs` of batch systems on our record.
 * @returns a function that revokes it.
 */
export function leaveWill({ profileDir, clusterId }: ProgramPlace, ending?: number | 'jobs'): () => void {
  const [path, name] =
    ending === 'jobs' ? ['cluster/end-left-jobs.js', 'endLeftJobs'] : ['config/sweep.js', 'sweepCluster']
  const module = fileURLToPath(new URL(`../../dist/${path}`, import.meta.url))
  const others = typeof ending === 'number' && ending > 0 ? [String(ending)] : []
  const words = [process.execPath, module, name, profileDir, clusterId, String(process.pid), ...others]
  const shell = spawn('/bin/sh', ['-c', WILL, 'itsparallel', ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: process.env,
    // Whoever ends our process group does not end it as well.
    detached: true,
  })
  // Without a shell there is no will, and no harm as long as we live.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as unknown as { unref?: () => void }).unref?.()
  return () => {
    shell.kill('SIGKILL')
    shell.stdin.destroy()
  }
}

/** Ends what is to end, waits until that and we are gone (our pipe ends a moment before us), and removes our files. */
const WILL = `cat >/dev/null
[ $# -lt 7 ] || kill "$7"
is_there() { kill -0 "$6" || { [ $# -ge 7 ] && kill -0 "$7"; }; }
i=0
while [ $i -lt 100 ] && is_there "$@"; do sleep 0.1; i=$((i + 1)); done
[ $# -lt 7 ] || kill -9 "$7"
exec "$1" --input-type=module -e '
const [path, name, ...place] = process.argv.slice(1)
const module = await import(path)
await module[name](...place)
' "$2" "$3" "$4" "$5"
`
