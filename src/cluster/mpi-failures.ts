/** What mpiexec, and the ssh that it calls, say when ranks do not start, what that means, and what to do. */

import { explainSshAmong } from './ssh-failures.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** Lines of output that are to be looked through for a cause: Open MPI says much on top of it. */
export const LINES = 80
const SHOWN_LINES = 20

/** What Open MPI refuses, and how it can be had all the same. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    // The end of a long explanation: its beginning is not among the last lines.
    /--oversubscribe option to ignore/,
    'there are more engines than cores: start fewer, name further hosts, or let engines share cores with the option --oversubscribe of mpiexec (mpi: { args: ["--oversubscribe"] })',
  ],
  [
    /run as root/,
    'mpiexec does not start programs as root unless it is given --allow-run-as-root (mpi: { args: ["--allow-run-as-root"] })',
  ],
]

/** The end of an mpiexec, with as much of its output as is for people, and a hint where one is known. */
export function explain(end: ProgramEnd, command: string): ProgramEnd {
  if (end.spawnError?.includes('ENOENT') === true) {
    const hint = 'install Open MPI or MPICH, or name its mpiexec (mpi: { command: "/path/to/mpiexec" })'
    return { ...end, spawnError: `${command} is not on this machine`, hint }
  }
  const refusal = REFUSALS.find(([words]) => words.test(end.output))?.[1]
  if (refusal !== undefined) return { ...end, output: lastLines(end.output), hint: refusal }
  const ssh = explainSshAmong(end.output)
  if (ssh === undefined) return { ...end, output: lastLines(end.output) }
  const { cause, hint, line } = ssh
  const told = end.reason === undefined ? end : { ...end, reason: cause }
  return { ...told, output: lastLines(end.output, line), hint }
}

/** As many last lines as are shown, or from a certain one on when it would not be among them. */
export function lastLines(output: string, from?: string): string {
  const lines = output.split('\n')
  const first = Math.max(0, lines.length - SHOWN_LINES)
  const wanted = from === undefined ? -1 : lines.findIndex(line => line.startsWith(from))
  const begin = wanted === -1 ? first : Math.min(first, wanted)
  return lines.slice(begin, begin + SHOWN_LINES).join('\n')
}
