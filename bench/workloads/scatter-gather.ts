import { perSecond, type Workload } from '../workload.ts'

/** 64 MiB of doubles dealt out to the engines and collected again. The figure counts the bytes of both ways. */
export const scatterGather: Workload = {
  name: 'scatter-gather',
  title: 'scatter and gather of 64 MiB of doubles',
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
  figure: (seconds, count) => perSecond(seconds, 2 * count),
  goals: [{ bound: 'at least', value: 0.6, times: 'bare net', level: 'final' }],
}
