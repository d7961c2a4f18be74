/**
 * Starts a keeper that outlives us: `ipcluster start` in a session of its own, which tells over a pipe whether the
 * cluster came up, and is then let go.
 */

import { spawn } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import process from 'node:process'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import { LauncherError, SubmitError } from '../errors.ts'
import { OutputFile } from './output-file.ts'
import { commandLine, findProgram, type ProgramPlace } from './program.ts'

const REPORT_VARIABLE = 'ITSPARALLEL_REPORT'
const REPORT_FD = 3
/** How long a keeper whose start failed may take to end. */
const END_MS = 10_000

const reportSchema = v.variant('type', [
  v.object({ type: v.literal('up') }),
  v.object({ type: v.literal('failed'), code: v.string(), message: v.string() }),
])

/** How the start went, from the keeper to whoever started it. */
export type DaemonReport = v.InferOutput<typeof reportSchema>

/** A start that failed in the daemon: its code and message are those of the error there. */
class DaemonError extends LauncherError {
  override readonly code: string

  constructor(report: { readonly code: string; readonly message: string }) {
    super(report.message)
    this.code = report.code
  }
}

/**
 * @param args - arguments of `ipcluster` after the place, such as `--n=4`.
 * @returns the keeper's process number, once the cluster is up.
 * @throws DaemonError when it did not come up; SubmitError when the keeper itself failed; the signal's reason.
 */
export async function startDaemon(
  command: 'start' | 'engines',
  place: ProgramPlace,
  args: readonly string[],
  options: { readonly signal?: AbortSignal | undefined; readonly env?: NodeJS.ProcessEnv | undefined } = {},
): Promise<number> {
  const { signal } = options
  signal?.throwIfAborted()
  const program = findProgram('ipcluster', place, [], options.env)
  const [script, ...placed] = program.args
  const argv = [script!, command, ...placed, ...args]
  const output = new OutputFile()
  const child = spawn(program.command, argv, {
    cwd: program.cwd,
    env: { ...program.env, [REPORT_VARIABLE]: String(REPORT_FD) },
    stdio: ['ignore', output.fd, output.fd, 'pipe'],
    detached: true,
  })
  const abort = (): void => {
    child.kill('SIGTERM')
  }
  signal?.addEventListener('abort', abort, { once: true })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  try {
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    const report = await Promise.race([text(child.stdio[REPORT_FD] as Readable), failed])
    signal?.throwIfAborted()
    readReport(report, () => {
      const lines = output.tail() || 'It wrote nothing.'
      return `the keeper of the cluster ended before the cluster was up.\n  command: ${commandLine({ command: program.command, args: argv })}\n  last output:\n    ${lines.replaceAll('\n', '\n    ')}`
    })
    return child.pid ?? -1
  } catch (error) {
    // A start that has failed leaves nothing running, the keeper included.
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    if (child.pid !== undefined) await exited
    clearTimeout(timer)
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    output.close()
    child.unref()
  }
}

function readReport(line: string, describeSilence: () => string): void {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (cause) {
    throw new SubmitError(describeSilence(), { cause })
  }
  const result = v.safeParse(reportSchema, json)
  if (!result.success) throw new SubmitError(describeSilence())
  if (result.output.type === 'failed') throw new DaemonError(result.output)
}

/** In the daemon: the function that reports how the start went, once. Undefined when nobody waits for a report. */
export function takeReport(): ((report: DaemonReport) => void) | undefined {
  const value = process.env[REPORT_VARIABLE]
  delete process.env[REPORT_VARIABLE]
  const descriptor = Number(value)
  if (!value || !Number.isInteger(descriptor) || descriptor < 3) return undefined
  return report => {
    try {
      writeSync(descriptor, JSON.stringify(report))
    } catch {
      // Whoever started us is gone.
    }
    closeSync(descriptor)
  }
}
