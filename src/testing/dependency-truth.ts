/** What has become of a dependency, told from the answers that were seen and not from what a scheduler thinks of it. */

import type { Dependency } from '../controller/state/dependency.ts'
import type { Fate } from './fate.ts'

type Fates = ReadonlyMap<string, Fate>

export function isMet({ ids, all, success, failure }: Dependency, fates: Fates): boolean {
  const isWanted = (id: string): boolean => {
    const answer = fates.get(id)?.answer
    return answer !== undefined && (answer.ok ? success : failure)
  }
  return all ? ids.every(isWanted) : ids.some(isWanted)
}

/** Whether nothing that may still happen can meet it. */
export function isUnreachable({ ids, all, success, failure }: Dependency, fates: Fates): boolean {
  const isAgainst = (id: string): boolean => {
    const answer = fates.get(id)?.answer
    return answer !== undefined && !(answer.ok ? success : failure)
  }
  return all ? ids.some(isAgainst) : ids.every(isAgainst)
}

/** Whether what is followed ran on this engine. */
export function isFollowed(follow: Dependency, engine: string, fates: Fates): boolean {
  const there = follow.ids.filter(id => {
    const answer = fates.get(id)?.answer
    if (answer === undefined || answer.engine !== engine) return false
    return answer.ok ? follow.success : follow.failure
  })
  return follow.all ? there.length === follow.ids.length : there.length > 0
}
