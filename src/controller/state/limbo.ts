import type { Millis } from '../../base/clock.ts'
import type { EngineDeath } from './dead-engines.ts'
import type { Task } from './task.ts'

/** A dead engine whose tasks, of the original's kind, may still be answered. */
interface Waiting {
  readonly death: EngineDeath
  readonly tasks: Map<string, Task>
  readonly untilMs: Millis
}

/**
 * The stock tasks of dead engines. The original waits a while for replies that were under way when the engine left; only
 * then does it take the tasks for lost, and stock programs may count on that.
 */
export class Limbo {
  readonly #engines = new Map<string, Waiting>()

  get wakeAtMs(): Millis {
    let at = Number.POSITIVE_INFINITY
    for (const { untilMs } of this.#engines.values()) at = Math.min(at, untilMs)
    return at
  }

  /** Takes in what an engine had in hand. @returns the tasks that follow our own rules, which do not wait. */
  add(death: EngineDeath, held: Iterable<Task>, untilMs: Millis): Task[] {
    const own: Task[] = []
    const tasks = new Map<string, Task>()
    for (const task of held) {
      if (task.stage !== 'assigned' || task.engine !== death.uuid) continue
      if (task.plan.own) own.push(task)
      else tasks.set(task.msgId, task)
    }
    if (tasks.size === 0) return own
    // It may have died before, and come back: what was lost with it then waits on.
    for (const [msgId, task] of this.tasksOf(death.uuid) ?? []) tasks.set(msgId, task)
    this.#engines.set(death.uuid, { death, tasks, untilMs })
    return own
  }

  tasksOf(engine: string): ReadonlyMap<string, Task> | undefined {
    return this.#engines.get(engine)?.tasks
  }

  /** Takes out a task that is answered after all; undefined where none waits for that. */
  take(engine: string, msgId: string): { task: Task; death: EngineDeath } | undefined {
    const waiting = this.#engines.get(engine)
    const task = waiting?.tasks.get(msgId)
    if (waiting === undefined || task === undefined || task.stage !== 'assigned') return undefined
    waiting.tasks.delete(msgId)
    return { task, death: waiting.death }
  }

  /** Takes out the tasks whose time is over. */
  expired(nowMs: Millis): { task: Task; death: EngineDeath }[] {
    const lost: { task: Task; death: EngineDeath }[] = []
    for (const [engine, { death, tasks, untilMs }] of this.#engines) {
      if (untilMs > nowMs) continue
      this.#engines.delete(engine)
      for (const task of tasks.values()) if (task.stage === 'assigned') lost.push({ task, death })
    }
    return lost
  }
}
