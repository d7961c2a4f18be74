import { median, perSecond, type Workload } from '../workload.ts'
import { largeArray } from './large-array.ts'

/**
 * The same Python client and Python engines on our controller and on Python's own: nothing but the controller differs.
 */
const common = { subject: 'ipyparallel on ours', engines: 2, rounds: 7 } satisfies Partial<Workload>
const shares = (count: number): Workload['shares'] => ({
  'ipyparallel on ours': { count },
  ipyparallel: { count },
})
const large = { ...largeArray, ...common, shares: shares(64), figure: perSecond }
const asFast = { bound: 'at least', value: 1, times: 'ipyparallel', level: 'first' } as const

export const controllers: readonly Workload[] = [
  {
    ...common,
    name: 'controllers-tasks',
    asks: 'tasks',
    title: 'no-op tasks of a Python client on Python engines',
    unit: 'tasks/s',
    shares: shares(400),
    figure: perSecond,
    goals: [asFast],
  },
  {
    ...common,
    name: 'controllers-latency',
    asks: 'latency',
    title: 'no-op of a Python client on a Python engine',
    unit: 'µs',
    shares: shares(100),
    figure: seconds => median(seconds) * 1e6,
    goals: [{ ...asFast, bound: 'at most' }],
  },
  {
    ...large,
    name: 'controllers-push',
    asks: 'push',
    title: 'push of 64 MiB of doubles by a Python client to a Python engine',
    goals: [asFast],
  },
  {
    ...large,
    name: 'controllers-pull',
    asks: 'pull',
    title: 'pull of 64 MiB of doubles by a Python client from a Python engine',
    goals: [asFast],
  },
]
