import { execFile } from 'node:child_process'
import type { Call } from './batch-system.ts'

/** How a command ended. */
export interface CallResult {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** Why it could not be run, or was given up. */
  readonly problem?: 'missing' | 'timeout' | undefined
}

/** Runs a command of a batch system. Never throws. The one way from here to the system, so that tests can stand in its place. */
export type RunCall = (call: Call) => Promise<CallResult>

/** How long a command may take: none of them waits for a job. */
const CALL_MS = 30_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

/** Runs a command on this machine. */
export const runCall: RunCall = ({ command, args, input }) =>
  new Promise(resolve => {
    const child = execFile(
      command,
      [...args],
      // The words of answers and errors are read: they must not be translated.
      {
        timeout: CALL_MS,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
        env: { ...process.env, LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        const code = error?.code
        const isMissing = code === 'ENOENT' || code === 'EACCES'
        const problem = isMissing ? 'missing' : error?.killed === true ? 'timeout' : undefined
        resolve({
          exitCode: error === null ? 0 : typeof code === 'number' ? code : null,
          stdout,
          stderr,
          ...(problem !== undefined && { problem }),
        })
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
  })
