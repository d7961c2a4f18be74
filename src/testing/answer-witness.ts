/**
 * Knows for which errors the balanced scheduler may have given a task up, from what was seen of the task: none that comes
 * too soon, or too late, or for no reason.
 */

import type { Json } from '../protocol/envelope.ts'
import { isUnreachable } from './dependency-truth.ts'
import type { Fate } from './fate.ts'

/** Deaths after which a task of ours is taken for their cause. */
export const DEATHS_MAX = 3

export interface AnswerWitnessOptions {
  readonly fates: ReadonlyMap<string, Fate>
  readonly nowMs: () => number
  /** Says what must not be. */
  readonly fail: (what: string, fate: Fate) => void
}

/** See the head of this file. */
export class AnswerWitness {
  readonly #options: AnswerWitnessOptions

  constructor(options: AnswerWitnessOptions) {
    this.#options = options
  }

  /** Looks at an answer that a task has got: its content, besides what the fate has of it. */
  check(fate: Fate, content: Json): void {
    const { answer, wish } = fate
    const { fail, nowMs } = this.#options
    if (answer === undefined || answer.ok || answer.aborted) return
    const { after, follow, targets, program } = wish
    const isPlain = targets === undefined && follow === undefined && program.end.type !== 'refuse'
    switch (answer.ename) {
      case 'Error':
        if (program.end.type !== 'throw') fail('a task failed that does not throw', fate)
        // With nowhere else to go it gives the error it had.
        // A stock task's retries count deaths, too. One that shall be aborted is not run again.
        if (isPlain && wish.own && !fate.abortAsked && !this.#hasFailedOften(fate))
          fail(`a task with ${wish.retries} retries was given up after ${fate.failures} failures`, fate)
        return
      case 'EngineError':
        this.#checkEngineError(fate, content)
        return
      case 'TaskTimeout': {
        const waitedMs = nowMs() - fate.submittedMs
        if (!(waitedMs >= wish.timeoutMs)) fail(`a task timed out after ${waitedMs} ms`, fate)
        return
      }
      case 'ImpossibleDependency': {
        const isHopeless =
          !fate.isSeen ||
          (after !== undefined && isUnreachable(after, this.#options.fates)) ||
          follow !== undefined ||
          !isPlain
        if (!isHopeless) fail('a task was called impossible that is not', fate)
        return
      }
      case 'TaskAborted':
        if (!fate.abortAsked) fail('a task was aborted that nobody wanted to end', fate)
        return
      case 'InvalidDependency':
        fail('a dependency was refused that makes sense', fate)
        return
      default:
        fail(`a task failed with ${answer.ename}`, fate)
    }
  }

  /** It has used up its retries, and no more. */
  #hasFailedOften({ wish, failures, doubtfulFailures }: Fate): boolean {
    const attempts = wish.retries + 1
    return failures >= attempts && failures - doubtfulFailures <= attempts
  }

  #checkEngineError(fate: Fate, content: Json): void {
    const { fail } = this.#options
    const { own, targets, follow } = fate.wish
    if (!own) {
      if (fate.deaths === 0 && !fate.isHidden) fail('EngineError, though no engine died with it', fate)
      return
    }
    const deaths = content.deaths as readonly unknown[] | undefined
    if (deaths === undefined || deaths.length === 0) fail('an EngineError names no engine', fate)
    if (String(content.evalue).startsWith('no target')) {
      if (targets === undefined && follow === undefined)
        fail('a task without targets has no target left', fate)
      return
    }
    const isSeen = fate.deaths === DEATHS_MAX || fate.isHidden
    if (!isSeen || deaths?.length !== DEATHS_MAX)
      fail(`a task was given up after ${fate.deaths} deaths`, fate)
  }
}
