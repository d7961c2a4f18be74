/** What can be set for jobs of a batch system, whichever it is. */

import { settingProblem } from '../../config/setting-problem.ts'
import { ConfigurationError } from '../../errors.ts'

/** How jobs of a batch system are asked for: `batch` in a profile's configuration, or in `ClusterOptions`. */
export interface BatchSettings {
  /** Queue, or partition. Default: the system's own default. */
  readonly queue?: string | undefined
  /** Account or project that pays. */
  readonly account?: string | undefined
  /** How long the job may run: seconds, or `[days-]hours:minutes:seconds`. */
  readonly walltime?: number | string | undefined
  /** Machines. Given: one job with engines spread over so many. Default: a job array with one engine a task. */
  readonly nodes?: number | undefined
  /** True: the engines are the ranks of one MPI program, which `mpiexec` starts in one job. */
  readonly mpi?: boolean | undefined
  /** False: one job that starts all engines on one machine, where there are no job arrays. */
  readonly array?: boolean | undefined
  /** Memory of each engine, such as `4G` or `500M`. */
  readonly memory?: string | undefined
  /** Cores of each engine. */
  readonly cpus?: number | undefined
  /** Lines of shell before the program, such as `module load node`. */
  readonly prologue?: string | readonly string[] | undefined
  /** Environment variables of the job. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Further directives, without `#SBATCH` or the like. */
  readonly directives?: readonly string[] | undefined
  /** A job script of your own, with `{command}` where the program goes; see `docs/batch.md` for all fields. */
  readonly template?: string | undefined
  /** The file that holds it. */
  readonly templateFile?: string | undefined
}

/** @throws ConfigurationError for a setting that is not there, or cannot be so. */
export function checkBatchSettings(settings: BatchSettings): void {
  const problem = settingProblem('ipcluster', 'batch', settings)
  if (problem !== undefined) throw new ConfigurationError(`batch ${problem}`)
  if (settings.walltime !== undefined) walltimeSeconds(settings.walltime)
  if (settings.memory !== undefined) memoryMib(settings.memory)
}

/** @throws ConfigurationError when it is no time. */
export function walltimeSeconds(walltime: number | string): number {
  const match = /^(?:(\d+)-)?(\d+):(\d\d):(\d\d)$/.exec(String(walltime))
  const seconds =
    match === null
      ? Number(walltime)
      : Number(match[1] ?? 0) * 86_400 + Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4])
  if (Number.isInteger(seconds) && seconds > 0) return seconds
  throw new ConfigurationError(
    `batch.walltime ${JSON.stringify(walltime)} is no time: give seconds, or hours, minutes and seconds such as '01:30:00'`,
  )
}

const UNITS: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 }

/** @throws ConfigurationError when it is no size. */
export function memoryMib(memory: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT])(?:i?B)?$/i.exec(memory)
  if (match !== null) return Math.ceil(Number(match[1]) * UNITS[match[2]!.toUpperCase()]!)
  throw new ConfigurationError(
    `batch.memory ${JSON.stringify(memory)} is no size: give a number and a unit, such as '4G' or '500M'`,
  )
}
