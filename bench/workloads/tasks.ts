import { perSecond, type Workload } from '../workload.ts'

/** No-op tasks through the load-balanced view: one message each, all submitted at once, then all awaited. */
export const tasks: Workload = {
  name: 'tasks',
  title: 'no-op tasks, load-balanced, all at once',
  unit: 'tasks/s',
  engines: 2,
  rounds: 5,
  shares: {
    itsparallel: { count: 20_000 },
    ipyparallel: { count: 400 },
    dask: { count: 600 },
    piscina: { count: 20_000 },
    workerpool: { count: 20_000 },
  },
  figure: perSecond,
  goals: [
    { bound: 'at least', value: 15_000, level: 'first' },
    { bound: 'at least', value: 40, times: 'ipyparallel', level: 'first' },
    { bound: 'at least', value: 60, times: 'ipyparallel', level: 'final' },
    { bound: 'at least', value: 1, times: 'piscina', level: 'final' },
  ],
}
