import type { GroupHandlers, GroupJob, GroupLauncher, Program } from './launcher.ts'
import { OwnedProcess } from './owned-process.ts'
import { commandLine } from './program.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** How MPI programs are started. */
export interface MpiSettings {
  /** The starter, by name or path. Default: `mpiexec`. */
  readonly command?: string | undefined
  /** Its options before `-n`, such as `--hostfile=hosts`. */
  readonly args?: readonly string[] | undefined
}

/** Starts engines as the ranks of one MPI program, by the `mpiexec` of whatever library. */
export function mpiLauncher(settings: MpiSettings = {}): GroupLauncher {
  return {
    kind: 'group',
    name: 'mpi',
    areRanks: true,
    commands: [settings.command ?? 'mpiexec'],
    submit: (program, count, handlers) => startRanks(settings, program, count, handlers),
  }
}

function startRanks(
  settings: MpiSettings,
  program: Program,
  count: number,
  handlers: GroupHandlers,
): GroupJob {
  const command = settings.command ?? 'mpiexec'
  const args = [...(settings.args ?? []), '-n', String(count), program.command, ...program.args]
  const owned = new OwnedProcess({
    command,
    args,
    cwd: program.cwd,
    env: { ...forwarding(program, args), ...program.env },
    isStarter: true,
    onEnd: end => handlers.onEnd({ ...explain(end, command), command: commandLine({ command, args }) }),
  })
  return {
    get id() {
      return String(owned.pid)
    },
    get pid() {
      return owned.pid
    },
    get status() {
      return { state: owned.hasEnded ? 'ended' : 'running' } as const
    },
    signal: signal => owned.signal(signal),
    unref: () => owned.unref(),
  }
}

/** What names the variables that Open MPI takes along to other hosts; MPICH takes all. */
const FORWARDED = 'OMPI_MCA_mca_base_env_list'

/** Has the program's own variables reach every host, unless the user names those that are to: Open MPI heeds one such list. */
function forwarding({ ownEnv }: Program, args: readonly string[]): NodeJS.ProcessEnv {
  const isNamed = args.some(arg => arg === '-x' || arg === 'mca_base_env_list')
  return isNamed ? {} : { [FORWARDED]: Object.keys(ownEnv).join(';') }
}

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

function explain(end: ProgramEnd, command: string): ProgramEnd {
  if (end.spawnError?.includes('ENOENT') === true) {
    const hint = 'install Open MPI or MPICH, or name its mpiexec (mpi: { command: "/path/to/mpiexec" })'
    return { ...end, spawnError: `${command} is not on this machine`, hint }
  }
  const hint = REFUSALS.find(([refusal]) => refusal.test(end.output))?.[1]
  return hint === undefined ? end : { ...end, hint }
}
