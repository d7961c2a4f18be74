/**
 * The tasks that wait for others: each is looked at when it comes and whenever one of those has ended, and then runs, waits
 * on, or is told that what it waits for can no longer be. Which engine runs it then is `assignment.ts`.
 */

import type { Millis } from '../../base/clock.ts'
import type { Assignment } from './assignment.ts'
import { hopelessText, unknownText } from './dependency-texts.ts'
import type { Task } from './task.ts'
import type { TaskQueueEffect } from './task-events.ts'
import type { TaskTable } from './task-table.ts'
import { type Surroundings, whereaboutsOf } from './task-whereabouts.ts'
import { ANYWHERE } from './waiting-room.ts'
import { errorContent } from './wire-error.ts'

/** See the head of this file. */
export class Parking {
  readonly #table: TaskTable
  readonly #surroundings: Surroundings
  readonly #assignment: Assignment

  constructor(table: TaskTable, surroundings: Surroundings, assignment: Assignment) {
    this.#table = table
    this.#surroundings = surroundings
    this.#assignment = assignment
  }

  /** A task has come that depends on others. */
  add(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { dependents, history } = this.#table
    const unknown = dependents.watch(task, id => this.#table.outcomeOf(id), history)
    if (unknown === undefined) this.#look(task, nowMs, effects)
    else this.#table.fail(task, errorContent('InvalidDependency', unknownText(task, unknown)), effects)
  }

  /** Tells those that wait of the tasks that have ended, and of those that end because of it. */
  tellOfEnded(nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { ended, history, dependents } = this.#table
    // A loop and not a recursion: one failure may bring down a chain of ten thousand.
    for (let msgId = ended.pop(); msgId !== undefined; msgId = ended.pop()) {
      const outcome = history.outcome(msgId)
      if (outcome === 'unseen') continue
      for (const task of dependents.ended(msgId, outcome, history.engineOf(msgId))) {
        // One that is queued already may run on more engines now.
        const isConcerned = task.stage === 'parked' || (task.stage === 'queued' && task.follow !== undefined)
        if (isConcerned) this.#look(task, nowMs, effects)
      }
    }
  }

  /** An engine is gone: it may have been the last on which one of them could have run. */
  engineLeft(nowMs: Millis, effects: TaskQueueEffect[]): void {
    for (const task of [...this.#table.parkedBound]) this.#park(task, nowMs, effects)
  }

  /** It may now run, or never. */
  #look(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { after, follow } = task
    const hopeless = hopelessText(task)
    if (hopeless !== undefined)
      this.#table.fail(task, errorContent('ImpossibleDependency', hopeless), effects)
    else if (after?.isMet !== false && follow?.isMet !== false) this.#assignment.run(task, nowMs, effects)
    else this.#park(task, nowMs, effects)
  }

  /** Lets a task wait for others, unless there will be no engine for it then. */
  #park(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const where = task.plan.own ? whereaboutsOf(task, this.#surroundings) : ANYWHERE
    if ('status' in where) {
      this.#table.giveUp(task, where, effects)
      return
    }
    if (task.plan.targets !== undefined || task.follow !== undefined) this.#table.parkedBound.add(task)
    if (task.deadlineMs === Number.POSITIVE_INFINITY) this.#table.timeouts.start(task, nowMs)
  }
}
