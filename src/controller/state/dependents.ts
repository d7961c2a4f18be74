import type { Ended, Outcome } from './dependency.ts'
import type { DependencyProgress } from './dependency-progress.ts'
import type { Task } from './task.ts'
import type { TaskHistory } from './task-history.ts'

interface Watch {
  readonly task: Task
  readonly progress: DependencyProgress
}

/** Which tasks to look at again when another one has ended. */
export class Dependents {
  readonly #watches = new Map<string, Watch[]>()

  get isEmpty(): boolean {
    return this.#watches.size === 0
  }

  /**
   * `task` wants to hear of every task that it depends on. Those that have ended are taken note of at once.
   *
   * @returns an id that is nobody's, or its own.
   */
  watch(task: Task, outcomeOf: (msgId: string) => Outcome, history: TaskHistory): string | undefined {
    for (const progress of [task.after, task.follow]) {
      for (const id of progress?.dependency.ids ?? []) {
        const outcome = outcomeOf(id)
        if (id === task.msgId || outcome === 'unseen') return id
        if (outcome !== 'pending') progress!.ended(id, outcome, history.engineOf(id))
        else this.#add(id, { task, progress: progress! })
      }
    }
    return undefined
  }

  #add(msgId: string, watch: Watch): void {
    const watches = this.#watches.get(msgId)
    if (watches === undefined) this.#watches.set(msgId, [watch])
    else watches.push(watch)
  }

  /** Takes out the tasks that waited for `msgId`, once each has taken note of how it ended. */
  ended(msgId: string, outcome: Ended, engineId: number | undefined): ReadonlySet<Task> {
    const tasks = new Set<Task>()
    for (const { task, progress } of this.#watches.get(msgId) ?? []) {
      progress.ended(msgId, outcome, engineId)
      tasks.add(task)
    }
    this.#watches.delete(msgId)
    return tasks
  }
}
