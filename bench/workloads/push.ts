import { perSecond, type Workload } from '../workload.ts'

/** 64 MiB of doubles from the client into the namespace of one engine. */
export const push: Workload = {
  name: 'push',
  title: 'push of 64 MiB of doubles to one engine',
  unit: 'MiB/s',
  engines: 2,
  warmUps: 3,
  rounds: 5,
  shares: {
    itsparallel: { count: 64 },
    ipyparallel: { count: 64 },
    dask: { count: 64 },
    'bare net': { count: 64 },
  },
  figure: perSecond,
  goals: [
    { bound: 'at least', value: 2, times: 'ipyparallel', level: 'first' },
    { bound: 'at least', value: 0.6, times: 'bare net', level: 'final' },
  ],
}
