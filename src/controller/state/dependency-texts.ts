/** What a task is told that can never run, or waited too long: which dependency it is, and what came of it. */

import type { DeadEngines } from './dead-engines.ts'
import type { DependencyProgress } from './dependency-progress.ts'
import type { Task } from './task.ts'
import { describeDeath } from './wire-error.ts'

export function unknownText(task: Task, msgId: string): string {
  if (msgId === task.msgId) return `task ${msgId} depends on itself`
  return `task ${task.msgId} depends on ${msgId}, which is unknown here: it never was a task of a load-balanced view, or ended too long ago`
}

/** Why a task's dependencies can no longer be met; undefined where they can. */
export function hopelessText({ after, follow }: Task): string | undefined {
  if (after?.isUnreachable === true) return unreachableText('after', after)
  return follow?.isUnreachable === true ? unreachableText('follow', follow) : undefined
}

function unreachableText(name: string, progress: DependencyProgress): string {
  const { dependency, firstUnwanted } = progress
  const came = dependency.success ? 'failed' : 'did not fail'
  if (dependency.all || dependency.ids.length === 1)
    return `\`${name}\` can no longer be met: task ${firstUnwanted} ${came}`
  return `\`${name}\` can no longer be met: every one of its ${dependency.ids.length} tasks ${came}`
}

export function scatteredText({ engines }: DependencyProgress): string {
  const ids = [...engines.keys()].sort((a, b) => a - b)
  return `\`follow\` can no longer be met: the tasks that it names ran on different engines (${ids.join(', ')})`
}

/** The engines on which the followed tasks ran are gone, or some ran on none. */
export function nowhereToFollowText({ engines, nowhere }: DependencyProgress, dead: DeadEngines): string {
  if (engines.size === 0 || nowhere > 0)
    return '`follow` can no longer be met: a task that it names never ran on an engine'
  const gone = [...engines.keys()].map(id => {
    const death = dead.byId(id)
    return death === undefined ? `engine ${id}` : describeDeath(death)
  })
  return `\`follow\` can no longer be met: where its tasks ran is gone, ${gone.join(', ')}`
}

/** @param ids - numbers of the engines that are there, and all said no. */
export function refusedText({ refusal }: Task, ids: readonly number[]): string {
  const why = refusal === '' ? '' : `: ${refusal}`
  return `its functional dependency is met by none of its ${ids.length} engines (${ids.join(', ')})${why}`
}

export function noTargetText({ plan }: Task): string {
  return `none of the ${plan.targets?.size ?? 0} engines that it may run on is there`
}

export function timeoutText({ after, follow, plan, stage }: Task): string {
  const open = (stage === 'parked' && after?.isMet === false ? after.open : undefined) ?? follow?.open ?? 0
  const what =
    open === 0 ? 'an engine' : open === 1 ? 'a task that it depends on' : `${open} tasks that it depends on`
  return `it waited ${plan.timeoutMs / 1000} s for ${what}, as long as its timeout allows`
}
