import type { PeerName } from '../roster.ts'
import type { Share, Workload } from '../workload.ts'

const ENGINES = 2
/** Seconds that a task keeps an engine busy: from 40 ms downwards, each half of the one before. */
export const TASK_SECONDS: readonly number[] = Array.from({ length: 13 }, (_, i) => 0.04 / 2 ** i)
/** Seconds that the tasks of one length would take on engines that are never idle. */
const WORK_SECONDS = 0.4
const FEWEST_TASKS = 20

/** How many tasks of a length make up a measurement. */
function tasksOf(taskSeconds: number, most: number): number {
  return Math.min(most, Math.max(FEWEST_TASKS, Math.ceil((WORK_SECONDS * ENGINES) / taskSeconds)))
}

/**
 * METG(50 %) of Task Bench (Slaughter et al., SC 2020): the shortest task at which the engines are busy for half of
 * the time. Between the two lengths that enclose it, efficiency is taken to be a straight line over the logarithm of the
 * length.
 *
 * @param seconds - how long the tasks of each of `TASK_SECONDS` took, all together.
 * @param most - the most tasks of one length.
 * @returns milliseconds; infinite when even the longest tasks do not keep the engines half busy, and the shortest length
 * when all do.
 */
export function metgMs(seconds: readonly number[], most: number): number {
  const efficiencies = TASK_SECONDS.map(
    (length, i) => (tasksOf(length, most) * length) / (ENGINES * seconds[i]!),
  )
  const after = efficiencies.findIndex(efficiency => efficiency < 0.5)
  if (after === 0) return Number.POSITIVE_INFINITY
  if (after < 0) return TASK_SECONDS.at(-1)! * 1000
  const [above, below] = [efficiencies[after - 1]!, efficiencies[after]!]
  return TASK_SECONDS[after - 1]! * 0.5 ** ((above - 0.5) / (above - below)) * 1000
}

/** The most tasks of one length: slow peers do fewer. */
const most: Partial<Record<PeerName, number>> = {
  itsparallel: 20_000,
  ipyparallel: 300,
  dask: 300,
  piscina: 20_000,
  workerpool: 20_000,
}

export const metg: Workload = {
  name: 'metg',
  asks: 'busy',
  title: 'shortest task that keeps engines half busy, METG(50 %)',
  unit: 'ms',
  engines: ENGINES,
  rounds: 3,
  shares: Object.fromEntries(
    Object.entries(most).map(([peer, count]): [string, Share] => [
      peer,
      { count, parts: TASK_SECONDS.map(length => ({ count: tasksOf(length, count), taskSeconds: length })) },
    ]),
  ),
  figure: metgMs,
  goals: [
    { bound: 'at most', value: 0.1, level: 'final' },
    { bound: 'at most', value: 1 / 30, times: 'ipyparallel', level: 'final' },
    { bound: 'at most', value: 1 / 30, times: 'dask', level: 'final' },
  ],
}
