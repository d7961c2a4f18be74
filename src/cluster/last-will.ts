import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { ProgramPlace } from './program.ts'

/**
 * What a shell is to do when this process is gone, however it ended: it waits for the end of a pipe from us. Meant for
 * what nobody else on this machine would be left to do.
 *
 * @param script - what /bin/sh runs then.
 * @param words - its `$1`, `$2` …
 * @returns a function that revokes it.
 */
export function leaveWill(script: string, words: readonly string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', `cat >/dev/null\n${script}`, 'itsparallel', ...words], {
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

/** Has the files of a cluster removed that this process keeps and leaves when it is killed. @returns as leaveWill. */
export function sweepLater({ profileDir, clusterId }: ProgramPlace): () => void {
  const sweep = fileURLToPath(new URL('../../dist/config/sweep.js', import.meta.url))
  return leaveWill(SWEEP, [process.execPath, sweep, profileDir, clusterId, String(process.pid)])
}

/** Our pipe may end a moment before we count as dead. */
const SWEEP = `i=0
while [ $i -lt 50 ] && kill -0 "$5" 2>/dev/null; do sleep 0.1; i=$((i + 1)); done
exec "$1" --input-type=module -e '
const [path, profileDir, clusterId] = process.argv.slice(1)
const { sweepCluster } = await import(path)
sweepCluster(profileDir, clusterId)
' "$2" "$3" "$4"`
