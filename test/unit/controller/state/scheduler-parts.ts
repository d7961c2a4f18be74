import { Assignment } from '../../../../src/controller/state/assignment.ts'
import { DeadEngines } from '../../../../src/controller/state/dead-engines.ts'
import { EnginePool } from '../../../../src/controller/state/engine-pool.ts'
import { Parking } from '../../../../src/controller/state/parking.ts'
import { Recall } from '../../../../src/controller/state/recall.ts'
import { Task } from '../../../../src/controller/state/task.ts'
import type { TaskQueueEffect } from '../../../../src/controller/state/task-events.ts'
import { PlanReader, type TaskPlan } from '../../../../src/controller/state/task-plan.ts'
import { TaskTable } from '../../../../src/controller/state/task-table.ts'
import type { Json } from '../../../../src/protocol/envelope.ts'
import { applyRequest, clientA, OWN } from '../tools.ts'

/** What the balanced scheduler is made of, without the machine that joins it: for tests of one part at a time. */
export class SchedulerParts {
  readonly table = new TaskTable()
  readonly pool: EnginePool<Task>
  readonly recall = new Recall(() => this.pool.all())
  readonly assignment: Assignment
  readonly parking: Parking
  readonly #plans = new PlanReader()

  constructor(hwm = 1) {
    this.pool = new EnginePool<Task>({ scheme: 'leastload', hwm, random: () => 0 })
    const surroundings = { pool: this.pool, dead: new DeadEngines() }
    this.assignment = new Assignment(this.table, surroundings, this.recall)
    this.parking = new Parking(this.table, surroundings, this.assignment)
  }

  join(...names: string[]): void {
    for (const uuid of names) {
      const id = uuid.charCodeAt(0)
      this.pool.add({ uuid, id, language: 'javascript', isAway: false, recalls: true })
    }
  }

  /** A task of our own client's, in the table and in no line. */
  task(msgId: string, metadata: Json = {}): Task {
    const plan = this.#plans.read({ ...OWN, ...metadata }) as TaskPlan
    const task = new Task(msgId, clientA, applyRequest(msgId), plan)
    this.table.tasks.set(msgId, task)
    return task
  }

  /** A task has ended well on an engine, or failed. */
  end(task: Task, ok = true): void {
    const engine = this.pool.get(task.engine ?? '')
    engine?.outstanding.delete(task.msgId)
    if (engine !== undefined) this.pool.changed(engine)
    this.table.end(task, ok, engine?.id)
  }

  /** Has a part do something. @returns a line for each effect: `t1 > a`, `t1 ! TaskTimeout`. */
  did(act: (effects: TaskQueueEffect[]) => void): string[] {
    const effects: TaskQueueEffect[] = []
    act(effects)
    this.pool.validate()
    this.table.waiting.validate()
    return effects.map(effect => {
      if (effect.type === 'dispatch_task')
        return `${effect.task.msgId} > ${effect.engine}${effect.refresh ? ' refreshed' : ''}`
      return effect.type === 'answer_error' ? `${effect.task.msgId} ! ${effect.error.ename}` : effect.type
    })
  }
}
