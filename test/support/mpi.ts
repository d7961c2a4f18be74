import { spawnSync } from 'node:child_process'

/** A family of MPI libraries, and how its programs are started here. */
export interface MpiFamily {
  readonly name: 'Open MPI' | 'MPICH'
  readonly mpiexec: string
  readonly compiler: string
  /** Options that a small machine, a test run as root and tests beside others need. */
  readonly options: readonly string[]
}

const FAMILIES: readonly MpiFamily[] = [
  {
    name: 'Open MPI',
    mpiexec: 'mpiexec.openmpi',
    compiler: 'mpicc.openmpi',
    options: ['--allow-run-as-root', '--oversubscribe'],
  },
  {
    name: 'MPICH',
    mpiexec: 'mpiexec.mpich',
    compiler: 'mpicc.mpich',
    // It looks at all networks when it starts, and fails when one that another test has made is gone meanwhile.
    options: ['-genv', 'UCX_TLS', 'self,sm'],
  },
]

/**
 * The families that are installed.
 *
 * @throws Error when one is missing and every test is required to run.
 */
export function mpiFamilies(): readonly MpiFamily[] {
  const present = FAMILIES.filter(
    ({ mpiexec }) => spawnSync(mpiexec, ['--version'], { timeout: 20_000 }).status === 0,
  )
  if (present.length < FAMILIES.length && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
    throw new Error(
      'every test is required to run, and an MPI library is missing: install openmpi-bin and mpich',
    )
  return present
}

/** What does the same where nobody gives options. */
export const MPI_ENVIRONMENT = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  UCX_TLS: 'self,sm',
}
