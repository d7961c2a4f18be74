import { median, type Workload } from '../workload.ts'

/** How long each of a hundred tasks sleeps, in ms: from 1 ms to 1 s in even steps, in an order that is always the same. */
export function scheduleDurationsMs(): number[] {
  // 37 and 100 have no common divisor: every step comes up once.
  return Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 100) * (999 / 99))
}

/** No schedule is shorter: the work shared evenly, or the longest task. */
function boundSeconds(engines: number): number {
  const durations = scheduleDurationsMs()
  return Math.max(durations.reduce((sum, ms) => sum + ms, 0) / engines, ...durations) / 1000
}

function schedule(engines: number): Workload {
  return {
    name: `schedule-${engines}`,
    asks: 'schedule',
    title: `map of 100 tasks that sleep 1 ms to 1 s, on ${engines} engines, over the shortest schedule`,
    unit: '× the bound',
    engines,
    rounds: 3,
    shares: { itsparallel: { count: 100 } },
    figure: seconds => median(seconds) / boundSeconds(engines),
    goals: [{ bound: 'at most', value: 1.1, level: 'final' }],
  }
}

/** The quality of the balanced schedule with the default options. Tasks sleep, so that cores do not matter. */
export const schedules: readonly Workload[] = [schedule(2), schedule(4)]
