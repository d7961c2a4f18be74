import { median, type Workload } from '../workload.ts'

/** From nothing to the first result of a cluster of four engines. */
export const start: Workload = {
  name: 'start',
  title: 'start of four engines, to the first result',
  unit: 's',
  engines: 4,
  rounds: 3,
  shares: {
    itsparallel: { count: 1 },
    ipyparallel: { count: 1, rounds: 1 },
    dask: { count: 1, rounds: 2 },
  },
  figure: seconds => median(seconds),
  goals: [
    { bound: 'at most', value: 1.5, level: 'first' },
    { bound: 'at most', value: 1, level: 'final' },
  ],
}
