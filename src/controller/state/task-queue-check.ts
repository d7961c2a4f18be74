import { invariant } from '../../base/assert.ts'
import type { EnginePool } from './engine-pool.ts'
import type { Limbo } from './limbo.ts'
import type { Task } from './task.ts'
import type { WaitingTasks } from './waiting-tasks.ts'

/** What a task queue knows, as far as its parts must agree. */
interface Holdings {
  readonly tasks: Iterable<Task>
  readonly pool: EnginePool<Task>
  readonly waiting: WaitingTasks
  readonly limbo: Limbo
  readonly parkedBound: Iterable<Task>
  /** Whether an engine that has room could run a task that waits. */
  readonly canRun: (task: Task) => boolean
  readonly story: (msgId: string) => string[]
}

/** @throws InvariantError when a task queue contradicts itself. */
export function checkTaskQueue(holdings: Holdings): void {
  const { pool, waiting, limbo, story } = holdings
  pool.validate()
  waiting.validate()
  let queued = 0
  for (const task of holdings.tasks) {
    const { msgId, stage, engine } = task
    invariant(stage !== 'ended', `${msgId} has ended and is still there`)
    if (stage === 'queued') queued += 1
    if (stage !== 'assigned') continue
    const holders = [pool.get(engine!)?.outstanding, limbo.tasksOf(engine!)]
    invariant(
      holders.some(held => held?.get(msgId) === task),
      `${msgId} is assigned to an engine that has not got it`,
      story(msgId),
    )
  }
  invariant(queued === waiting.size, 'a queued task stands in no line')
  for (const { msgId, stage } of holdings.parkedBound)
    invariant(stage === 'parked', `${msgId} is looked after as if it were parked`)
  for (const task of waiting.plain())
    invariant(!holdings.canRun(task), `${task.msgId} waits beside a free engine`, story(task.msgId))
}
