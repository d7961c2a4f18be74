import type { Task } from './task.ts'
import { type Place, WaitingRoom, type Whereabouts } from './waiting-room.ts'

/** All tasks that wait for an engine: those that may share one, and the suspects, which want one to themselves. */
export class WaitingTasks {
  readonly #plain = new WaitingRoom()
  readonly #suspects = new WaitingRoom()
  #turns = 0

  get size(): number {
    return this.#plain.size + this.#suspects.size
  }

  get suspectCount(): number {
    return this.#suspects.size
  }

  add(task: Task, where: Whereabouts): void {
    this.#turns += 1
    this.#roomOf(task).add(task, where, this.#turns)
  }

  remove(task: Task): void {
    this.#roomOf(task).remove(task)
  }

  /** Takes out the next task for an engine. @param isIdle - only then it may be a suspect. */
  takeFor(engine: Place, isIdle: boolean): Task | undefined {
    return (isIdle ? this.#suspects.takeFor(engine) : undefined) ?? this.#plain.takeFor(engine)
  }

  /** Those that wait for particular engines. */
  particular(): Task[] {
    return [...this.#plain.particular(), ...this.#suspects.particular()]
  }

  /** Those that may share an engine. */
  plain(): Iterable<Task> {
    return this.#plain
  }

  validate(): void {
    this.#plain.validate()
    this.#suspects.validate()
  }

  #roomOf(task: Task): WaitingRoom {
    return task.suspect ? this.#suspects : this.#plain
  }
}
