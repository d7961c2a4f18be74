import { perSecond, type Workload } from '../workload.ts'

const count = 64

/** What the workloads with 64 MiB of doubles have in common: the same array, the same peers, the same rounds. */
export const largeArray = {
  unit: 'MiB/s',
  engines: 2,
  warmUps: 3,
  rounds: 5,
  shares: { itsparallel: { count }, ipyparallel: { count }, dask: { count }, 'bare net': { count } },
  figure: perSecond,
} satisfies Partial<Workload>
