import { perSecond, type Workload } from '../workload.ts'

/** Squares of a range through the load-balanced view with the default options (ipyparallel: chunks of 1,000). */
export const map: Workload = {
  name: 'map',
  title: 'map of x => x * x over a range',
  unit: 'elements/s',
  engines: 2,
  rounds: 3,
  shares: {
    itsparallel: { count: 1_000_000 },
    ipyparallel: { count: 200_000 },
  },
  figure: perSecond,
  goals: [{ bound: 'at least', value: 1_000_000, level: 'final' }],
}
