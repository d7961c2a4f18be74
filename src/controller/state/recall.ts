/**
 * When tasks that an engine was given ahead are called back: a long task among short ones would hold up those behind it
 * while other engines have nothing to do. Decides whom to ask and when; what is given back is the engine's word.
 *
 * It costs nothing while there is work for all: only an engine that finds nothing to do makes it look.
 */

import type { Millis } from '../../base/clock.ts'
import type { PoolEngine } from './engine-pool.ts'
import type { Task } from './task.ts'
import type { TaskQueueEffect } from './task-events.ts'

/** An engine is given some 5 ms of work ahead. If its first task takes so long, it is not what it was taken for. */
const RECALL_MS: Millis = 10
/** An engine can say of so many tasks for sure that it has not begun them. */
const ASKED_MAX = 1000

export class Recall {
  readonly #engines: () => Iterable<PoolEngine<Task>>
  /** When the event came that is being handled. */
  nowMs: Millis = 0
  #wakeAtMs: Millis = Number.POSITIVE_INFINITY

  constructor(engines: () => Iterable<PoolEngine<Task>>) {
    this.#engines = engines
  }

  get wakeAtMs(): Millis {
    return this.#wakeAtMs
  }

  /** The engine is about to be given a task. */
  given(engine: PoolEngine<Task>): void {
    if (engine.load === 0) engine.aloneSinceMs = this.nowMs
    engine.isRecalled = false
  }

  /** A task has ended there. */
  ended(engine: PoolEngine<Task>): void {
    engine.aloneSinceMs = this.nowMs
    engine.isRecalled = false
  }

  /** The engine has nothing to do. @param assigned - how many tasks others have in hand, at most. */
  idle(engine: PoolEngine<Task>, assigned: number): void {
    engine.prefetch.idle()
    if (assigned < 2 || this.#wakeAtMs !== Number.POSITIVE_INFINITY) return
    this.#wakeAtMs = this.nowMs + RECALL_MS
  }

  /** Asks engines that are due for all but what they run. */
  ask(effects: TaskQueueEffect[]): void {
    if (this.nowMs < this.#wakeAtMs) return
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    const engines = [...this.#engines()]
    const idle = engines.filter(engine => engine.load === 0 && engine.connected)
    const languages = new Set(idle.map(({ language }) => language))
    for (const engine of engines) {
      if (engine.load < 2 || !engine.recalls || engine.isRecalled || !languages.has(engine.language)) continue
      const dueAtMs = engine.aloneSinceMs + RECALL_MS
      if (dueAtMs > this.nowMs) {
        this.#wakeAtMs = Math.min(this.#wakeAtMs, dueAtMs)
        continue
      }
      engine.isRecalled = true
      const tasks = [...engine.outstanding.values()].slice(1).slice(-ASKED_MAX)
      engine.asked.push(tasks)
      effects.push({ type: 'recall_tasks', engine: engine.uuid, tasks })
    }
  }

  /** The connection broke that it answers over: whether it has given anything back is not known. */
  disconnected(engine: PoolEngine<Task>): void {
    engine.doubtful.push(...engine.asked.splice(0).flat())
  }

  /**
   * It is there again: what it was asked for meanwhile may have been given back, and an engine does not say so twice.
   *
   * @returns what is to go again, there or elsewhere.
   */
  reconnected(engine: PoolEngine<Task>): Task[] {
    if (engine.doubtful.length === 0) return []
    const doubtful = new Set(engine.doubtful)
    engine.doubtful = []
    return this.#takeOut(engine, task => doubtful.has(task))
  }

  /**
   * Takes out of an engine's hands what it has given back: only what it still holds, under the very bytes that it names.
   */
  takeBack(engine: PoolEngine<Task>, signatures: ReadonlySet<string>): Task[] {
    engine.asked.shift()
    const isGiven = ({ sentAs }: Task): boolean =>
      sentAs !== undefined && signatures.has(sentAs.toString('latin1'))
    return this.#takeOut(engine, isGiven)
  }

  /** What the engine runs takes longer than what came before, so that nothing is put behind it. */
  #takeOut(engine: PoolEngine<Task>, isMeant: (task: Task) => boolean): Task[] {
    const out = [...engine.outstanding.values()].filter(
      task => task.stage === 'assigned' && task.engine === engine.uuid && isMeant(task),
    )
    for (const task of out) {
      engine.outstanding.delete(task.msgId)
      task.left(engine.uuid)
    }
    engine.prefetch.idle()
    return out
  }
}
