import { median, type Workload } from '../workload.ts'

/** A no-op on one engine, the next one sent when the last has come back: the median of the round trips. */
export const latency: Workload = {
  name: 'latency',
  title: 'no-op on one engine, one after the other',
  unit: 'µs',
  engines: 2,
  rounds: 5,
  shares: {
    itsparallel: { count: 2_000 },
    ipyparallel: { count: 50 },
    dask: { count: 50 },
    piscina: { count: 2_000 },
    workerpool: { count: 2_000 },
    'bare net': { count: 2_000 },
  },
  figure: seconds => median(seconds) * 1e6,
  goals: [
    { bound: 'at most', value: 400, level: 'first' },
    { bound: 'at most', value: 250, level: 'final' },
    { bound: 'at most', value: 4, times: 'bare net', level: 'final' },
  ],
}
