import { median, type Workload } from '../workload.ts'

/** The controller under load: what a task costs it with many engines, and what it keeps of very many tasks. */
const common = {
  rounds: 3,
  figure: seconds => median(seconds),
} satisfies Partial<Workload>

export const scale: Workload = {
  ...common,
  name: 'scale-1000',
  asks: 'scale',
  title: "controller's CPU a task with 1,000 engines, against 4",
  unit: '×',
  engines: 1000,
  shares: { itsparallel: { count: 100_000 } },
  goals: [{ bound: 'at most', value: 1.2, level: 'final' }],
}

export const memory: readonly Workload[] = [
  {
    ...common,
    name: 'memory-controller',
    title: 'controller after 1,000,000 tasks, against 100,000',
    unit: 'MiB more',
    rounds: 1,
    engines: 4,
    shares: { itsparallel: { count: 1_000_000 } },
    goals: [{ bound: 'at most', value: 50, level: 'final' }],
  },
  {
    ...common,
    name: 'memory-engine',
    title: 'resident set of an idle engine',
    unit: 'MiB',
    engines: 2,
    shares: { itsparallel: { count: 1 } },
    goals: [{ bound: 'at most', value: 70, level: 'final' }],
  },
]
