import type { Millis } from '../../base/clock.ts'
import { IndexedHeap } from './indexed-heap.ts'
import type { Task } from './task.ts'

/** The tasks that may wait only so long, the next to run out first. */
export class TaskTimeouts {
  readonly #tasks = new IndexedHeap<Task>((a, b) => a.deadlineMs < b.deadlineMs)

  get wakeAtMs(): Millis {
    return this.#tasks.peek()?.deadlineMs ?? Number.POSITIVE_INFINITY
  }

  /** Starts its time, unless that runs already: then it runs on, wherever the task waits. */
  start(task: Task, nowMs: Millis): void {
    if (task.heapAt !== -1) return
    task.deadlineMs = nowMs + task.plan.timeoutMs
    if (task.deadlineMs !== Number.POSITIVE_INFINITY) this.#tasks.push(task)
  }

  stop(task: Task): void {
    if (task.heapAt !== -1) this.#tasks.remove(task)
  }

  /** The first task whose time is over; the others' may be as well. */
  overdue(nowMs: Millis): Task | undefined {
    const task = this.#tasks.peek()
    return task !== undefined && task.deadlineMs <= nowMs ? task : undefined
  }
}
