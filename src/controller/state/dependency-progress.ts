/**
 * How far a task's dependency has come. It counts what has ended, so that a task which waits for ten thousand others is
 * not asked ten thousand times about each of them. Knows outcomes and numbers of engines; not who waits, nor queues.
 *
 * Invariants
 * 1. Each id is counted once, when it ends or, for one that had ended before, when the task comes.
 */

import { type Dependency, type Ended, isWanted } from './dependency.ts'

export class DependencyProgress {
  readonly dependency: Dependency
  /** How many of the wanted ones ended on each engine, by its number. */
  readonly engines = new Map<number, number>()
  #nowhere = 0
  #wanted = 0
  #unwanted = 0
  #firstUnwanted: string | undefined

  constructor(dependency: Dependency) {
    this.dependency = dependency
  }

  /** @param engineId - where it ended; undefined where the scheduler itself ended it. */
  ended(msgId: string, outcome: Ended, engineId: number | undefined): void {
    if (!isWanted(this.dependency, outcome)) {
      this.#unwanted += 1
      this.#firstUnwanted ??= msgId
      return
    }
    this.#wanted += 1
    if (engineId === undefined) this.#nowhere += 1
    else this.engines.set(engineId, (this.engines.get(engineId) ?? 0) + 1)
  }

  get isMet(): boolean {
    return this.dependency.all ? this.#wanted === this.#count : this.#wanted > 0
  }

  /** Whether nothing that may still happen can meet it. */
  get isUnreachable(): boolean {
    return this.dependency.all ? this.#unwanted > 0 : this.#unwanted === this.#count
  }

  /** How many have not ended. */
  get open(): number {
    return this.#count - this.#wanted - this.#unwanted
  }

  /** How many of the wanted ones the scheduler itself ended. */
  get nowhere(): number {
    return this.#nowhere
  }

  /** One that ended otherwise than the dependency wants. */
  get firstUnwanted(): string | undefined {
    return this.#firstUnwanted
  }

  get #count(): number {
    return this.dependency.ids.length
  }
}
