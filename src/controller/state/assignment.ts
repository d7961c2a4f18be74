/**
 * Which engine gets which task: a task that may run goes to the engine whose turn it is, or waits for one that has room,
 * and an engine that has room gets all that it can take. It does not know why a task may run now, what becomes of it
 * there, or how engines come and go. The invariants are those of `task-queue.ts`.
 */

import type { Millis } from '../../base/clock.ts'
import type { EnginePool, PoolEngine } from './engine-pool.ts'
import type { Recall } from './recall.ts'
import type { Task } from './task.ts'
import type { TaskQueueEffect } from './task-events.ts'
import type { TaskTable } from './task-table.ts'
import { type Surroundings, whereaboutsOf } from './task-whereabouts.ts'
import type { Whereabouts } from './waiting-room.ts'
import { errorContent } from './wire-error.ts'

export const ABORTED = 'it was aborted before it ran to its end'

/** See the head of this file. */
export class Assignment {
  readonly #table: TaskTable
  readonly #pool: EnginePool<Task>
  readonly #surroundings: Surroundings
  readonly #recall: Recall

  constructor(table: TaskTable, surroundings: Surroundings, recall: Recall) {
    this.#table = table
    this.#pool = surroundings.pool
    this.#surroundings = surroundings
    this.#recall = recall
  }

  /** Gives a task to an engine, or lets it wait for one, or fails it when no engine can ever come into question. */
  run(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    this.#table.leaveStage(task)
    const where = task.isAborted
      ? errorContent('TaskAborted', ABORTED)
      : whereaboutsOf(task, this.#surroundings)
    if ('status' in where) {
      task.stage = 'parked'
      this.#table.giveUp(task, where, effects)
      return
    }
    const engine = this.#engineFor(task, where)
    if (engine !== undefined) this.#assign(task, engine, effects)
    else this.#enqueue(task, where, nowMs)
  }

  /** Invariant 3: gives an engine all that it can take. */
  fill(engine: PoolEngine<Task>, effects: TaskQueueEffect[]): void {
    while (this.#pool.isFree(engine)) {
      const task = this.#table.waiting.takeFor(engine, engine.load === 0)
      if (task === undefined) break
      this.#assign(task, engine, effects)
    }
    if (engine.load === 0) this.#recall.idle(engine, this.#table.tasks.size - this.#table.waiting.size)
    this.#pool.changed(engine)
  }

  /** When the last suspect has an engine, the others may hold more than one task again. */
  fillAllAgain(effects: TaskQueueEffect[]): void {
    if (!this.#pool.single || this.#table.waiting.suspectCount > 0) return
    this.#pool.single = false
    if (this.#table.waiting.size > 0) for (const engine of this.#pool.all()) this.fill(engine, effects)
  }

  /** Whether an engine that has room could run a task that waits for one. */
  canRun(task: Task): boolean {
    return this.#engineFor(task, task.line!.where) !== undefined
  }

  #engineFor(task: Task, where: Whereabouts): PoolEngine<Task> | undefined {
    // Invariant 5: a suspect shares its engine with nobody.
    return this.#pool.nextFor(where, task.suspect)
  }

  #assign(task: Task, engine: PoolEngine<Task>, effects: TaskQueueEffect[]): void {
    task.stage = 'assigned'
    task.engine = engine.uuid
    this.#table.timeouts.stop(task)
    this.#recall.given(engine)
    engine.outstanding.set(task.msgId, task)
    if (task.suspect) engine.isolated = true
    this.#pool.given(engine)
    // Invariant 4.
    const refresh = task.wasSeenBy(engine.uuid)
    this.#table.story.tell(task.msgId, 'assigned to engine', engine.uuid)
    effects.push({ type: 'dispatch_task', task, engine: engine.uuid, refresh })
  }

  #enqueue(task: Task, where: Whereabouts, nowMs: Millis): void {
    task.stage = 'queued'
    this.#table.waiting.add(task, where)
    if (task.suspect) this.#pool.single = true
    this.#table.timeouts.start(task, nowMs)
  }
}
