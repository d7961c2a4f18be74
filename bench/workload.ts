import type { PeerName } from './roster.ts'

/** What a workload's figure is compared with: a number in its own unit, or a multiple of a peer's figure. */
export type Goal = {
  readonly bound: 'at least' | 'at most'
  readonly value: number
  /** The peer whose figure `value` multiplies; absent when `value` is a figure itself. */
  readonly times?: PeerName
  /** `first` is what a release must reach, `final` is where we want to be. */
  readonly level: 'first' | 'final'
}

/** How much of a workload one peer does. Slow peers do less of it, so that every round lasts about as long. */
export interface Share {
  /** Units in one round: tasks, round trips, elements, MiB or clusters. */
  readonly count: number
  /** Rounds, where it is not the workload's own number. */
  readonly rounds?: number
  /** What is asked one after the other in one round, where that is not one question. The figure gets all samples. */
  readonly parts?: readonly Part[]
}

/** One question of a round: so many tasks that each keep an engine busy for so many seconds. */
export interface Part {
  readonly count: number
  readonly taskSeconds: number
}

/** One line of the table: what is measured, on whom, and what we want of it. */
export interface Workload {
  readonly name: string
  /** What its peers are asked to do, where that is not its own name. */
  readonly asks?: string
  /** Whose figure is held against the goals and the other peers, where it is not ours. */
  readonly subject?: PeerName
  readonly title: string
  readonly unit: string
  readonly engines: number
  /** Rounds that are not measured, the same for every peer: the first large arrays of a process are all page faults. */
  readonly warmUps?: number
  readonly rounds: number
  readonly shares: Partial<Record<PeerName, Share>>
  /** The figure of one round, from the seconds of its samples. */
  readonly figure: (seconds: readonly number[], count: number) => number
  readonly goals: readonly Goal[]
}

/** The middle value; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Units a second, for workloads that time a whole round as one sample. */
export function perSecond(seconds: readonly number[], count: number): number {
  return count / median(seconds)
}
