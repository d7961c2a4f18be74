/**
 * The ways in which the balanced scheduler chooses among the engines that may take a task. Plain functions over the
 * candidates, least recently used first; what is random comes in as an argument.
 */

/** An engine with a free slot. */
export interface Candidate {
  /** Tasks given to it and not finished. */
  readonly load: number
}

/** A number from 0 up to, not including, 1. */
export type Random = () => number

/** @param candidates - least recently used first; never empty. */
export type Placement = <C extends Candidate>(candidates: readonly C[], random: Random) => C

export type PlacementScheme = 'leastload' | 'lru' | 'plainrandom' | 'twobin' | 'weighted'

/** The least loaded; among equals the least recently used. */
export const leastload: Placement = candidates => {
  let best = candidates[0]!
  for (const candidate of candidates) if (candidate.load < best.load) best = candidate
  return best
}

/** The least recently used. */
export const lru: Placement = candidates => candidates[0]!

export const plainrandom: Placement = (candidates, random) =>
  candidates[randomIndex(candidates.length, random)]!

/** The less recently used of two random ones. */
export const twobin: Placement = (candidates, random) => {
  const first = randomIndex(candidates.length, random)
  const second = randomIndex(candidates.length, random)
  return candidates[Math.min(first, second)]!
}

/** The less loaded of two random ones, drawn by how little they have to do. */
export const weighted: Placement = (candidates, random) => {
  const first = weightedDraw(candidates, random)
  const second = weightedDraw(candidates, random)
  return second.load < first.load ? second : first
}

export const placements: Readonly<Record<PlacementScheme, Placement>> = {
  leastload,
  lru,
  plainrandom,
  twobin,
  weighted,
}

export function isPlacementScheme(name: string): name is PlacementScheme {
  return Object.hasOwn(placements, name)
}

function randomIndex(length: number, random: Random): number {
  return Math.min(Math.floor(random() * length), length - 1)
}

function weightedDraw<C extends Candidate>(candidates: readonly C[], random: Random): C {
  let total = 0
  for (const candidate of candidates) total += 1 / (candidate.load + 1e-6)
  let left = random() * total
  for (const candidate of candidates) {
    left -= 1 / (candidate.load + 1e-6)
    if (left < 0) return candidate
  }
  return candidates.at(-1)!
}
