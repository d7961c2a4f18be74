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
}
