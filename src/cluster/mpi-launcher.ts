import { isRunning } from '../config/process-identity.ts'
import { childrenOf } from '../engine/descendants.ts'
import { leaveWill } from './last-will.ts'
import type { GroupHandlers, GroupJob, GroupLauncher, Program } from './launcher.ts'
import { explain, LINES, lastLines } from './mpi-failures.ts'
import { OwnedProcess } from './owned-process.ts'
import { commandLine, type ProgramPlace } from './program.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** How MPI programs are started. */
export interface MpiSettings {
  /** The starter, by name or path. Default: `mpiexec`. */
  readonly command?: string | undefined
  /** Its options before `-n`, such as `--hostfile=hosts`. */
  readonly args?: readonly string[] | undefined
}

/**
 * Starts programs by the `mpiexec` of whatever library: engines as the ranks of one MPI program. They end with whoever
 * keeps them.
 */
export function mpiLauncher(
  { command = 'mpiexec', args = [] }: MpiSettings = {},
  place: ProgramPlace,
): GroupLauncher {
  const starter = (program: Program, count: number): Starter => ({
    command,
    args: [...args, '-n', String(count), program.command, ...program.args],
  })
  return {
    kind: 'group',
    name: 'mpi',
    areRanks: true,
    commands: [command],
    script: (program, count) =>
      `# ${count} × ${program.name}, started by mpi\n${commandLine(starter(program, count))}\n`,
    submit: (program, count, handlers) => startRanks(starter(program, count), program, place, handlers),
  }
}

/** How mpiexec is called. */
interface Starter {
  readonly command: string
  readonly args: readonly string[]
}

function startRanks(
  { command, args }: Starter,
  program: Program,
  place: ProgramPlace,
  handlers: GroupHandlers,
): GroupJob {
  let stuck: ProgramEnd | undefined
  const owned = new OwnedProcess({
    command,
    args,
    cwd: program.cwd,
    env: { ...forwarding(program, args), ...program.env },
    isStarter: true,
    lastLines: LINES,
    onEnd: end => {
      clearInterval(watch)
      revokeWill()
      handlers.onEnd({ ...explain(stuck ?? end, command), command: commandLine({ command, args }) })
    },
  })
  // What mpiexec starts has no lifeline.
  const revokeWill = leaveWill(place, owned.pid)
  const watch = watchStarter(owned, () => {
    stuck = { exitCode: null, signal: null, output: owned.output, reason: 'its mpiexec did not reach a host' }
  })
  return {
    get id() {
      return String(owned.pid)
    },
    get pid() {
      return owned.pid
    },
    get status() {
      if (owned.hasEnded) return { state: 'ended' } as const
      const { output } = owned
      if (output === '') return { state: 'running' } as const
      return {
        state: 'running',
        detail: `${command} goes on, and has written:\n${indent(lastLines(output))}`,
      } as const
    },
    signal: signal => owned.signal(signal),
    unref: () => owned.unref(),
  }
}

/** How often it is looked whether mpiexec has missed the end of what it started, and how often in a row it is then given up. */
const LOOK_MS = 1000
const LOOKS = 3

/**
 * MPICH's mpiexec waits for ever when the ssh that is to reach a host fails: it does not take note of its end.
 *
 * @param onStuck - called before such a one is ended.
 */
function watchStarter(owned: OwnedProcess, onStuck: () => void): NodeJS.Timeout {
  let missed = 0
  return setInterval(() => {
    const hasMissed = childrenOf(owned.pid).some(pid => !isRunning({ pid, startTicks: null }))
    missed = hasMissed ? missed + 1 : 0
    if (missed === LOOKS) onStuck()
    if (missed >= LOOKS) owned.signal(missed < 2 * LOOKS ? 'SIGTERM' : 'SIGKILL')
  }, LOOK_MS).unref()
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}

/** What names the variables that Open MPI takes along to other hosts; MPICH takes all. */
const FORWARDED = 'OMPI_MCA_mca_base_env_list'

/** Has the program's own variables reach every host, unless the user names those that are to: Open MPI heeds one such list. */
function forwarding({ ownEnv }: Program, args: readonly string[]): NodeJS.ProcessEnv {
  const isNamed = args.some(arg => arg === '-x' || arg === 'mca_base_env_list')
  return isNamed ? {} : { [FORWARDED]: Object.keys(ownEnv).join(';') }
}
