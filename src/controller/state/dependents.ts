import type { OutcomeOf } from './dependency.ts'
import type { Task } from './task.ts'

/** Which tasks to look at again when another one has ended. */
export class Dependents {
  readonly #tasks = new Map<string, Set<Task>>()

  get isEmpty(): boolean {
    return this.#tasks.size === 0
  }

  /** `task` wants to hear of every task that it depends on and that has not ended. */
  watch(task: Task, outcomeOf: OutcomeOf): void {
    for (const dependency of [task.plan.after, task.plan.follow]) {
      for (const id of dependency?.ids ?? []) {
        if (outcomeOf(id) !== 'pending') continue
        const waiting = this.#tasks.get(id)
        if (waiting === undefined) this.#tasks.set(id, new Set([task]))
        else waiting.add(task)
      }
    }
  }

  /** Takes out the tasks that waited for `msgId`. */
  of(msgId: string): Iterable<Task> {
    const waiting = this.#tasks.get(msgId)
    this.#tasks.delete(msgId)
    return waiting ?? []
  }
}
