import { perSecond, type Workload } from '../workload.ts'

/** 64 MiB of doubles from the namespace of one engine to the client. */
export const pull: Workload = {
  name: 'pull',
  title: 'pull of 64 MiB of doubles from one engine',
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
  goals: [{ bound: 'at least', value: 0.6, times: 'bare net', level: 'final' }],
}
