/**
 * The tasks of the balanced scheduler that have no answer yet, in whichever stage they are, and what is remembered of the
 * others. A task ends here, once: with an answer, and out of whatever it stood in.
 */

import type { ErrorContent } from '../../protocol/catalogue.ts'
import type { Outcome } from './dependency.ts'
import { Dependents } from './dependents.ts'
import { Story } from './story.ts'
import type { Task } from './task.ts'
import type { TaskQueueEffect } from './task-events.ts'
import { TaskHistory } from './task-history.ts'
import { TaskTimeouts } from './task-timeouts.ts'
import { WaitingTasks } from './waiting-tasks.ts'

export class TaskTable {
  readonly tasks = new Map<string, Task>()
  readonly waiting = new WaitingTasks()
  readonly dependents = new Dependents()
  /** Parked tasks that may not run everywhere: the end of an engine may be theirs. */
  readonly parkedBound = new Set<Task>()
  readonly timeouts = new TaskTimeouts()
  readonly history = new TaskHistory()
  readonly story = new Story()
  /** Ended since the last event began, and their dependents not yet looked at. */
  readonly ended: string[] = []

  outcomeOf(msgId: string): Outcome {
    return this.tasks.has(msgId) ? 'pending' : this.history.outcome(msgId)
  }

  /** An own task that has nowhere to go gives the error it really had, if it had one. */
  giveUp(task: Task, error: ErrorContent, effects: TaskQueueEffect[]): void {
    const { lastFailure, engine } = task
    if (!task.plan.own || lastFailure === undefined || engine === undefined) {
      this.fail(task, error, effects)
      return
    }
    effects.push({ type: 'relay_reply', task, engine, reply: lastFailure })
    this.end(task, false, undefined)
  }

  fail(task: Task, error: ErrorContent, effects: TaskQueueEffect[]): void {
    effects.push({ type: 'answer_error', task, engine: undefined, error })
    this.end(task, false, undefined)
  }

  /** @param engineId - where it ended; undefined when the scheduler itself ended it. */
  end(task: Task, ok: boolean, engineId: number | undefined): void {
    this.remove(task)
    this.history.finished(task.msgId, ok, engineId)
    this.story.tell(task.msgId, ok ? 'ended well' : 'failed')
    if (!this.dependents.isEmpty) this.ended.push(task.msgId)
  }

  /** Takes a task out without an answer: its client waits for another one's. */
  remove(task: Task): void {
    this.leaveStage(task)
    this.timeouts.stop(task)
    task.stage = 'ended'
    this.tasks.delete(task.msgId)
  }

  leaveStage(task: Task): void {
    if (task.stage === 'parked') this.parkedBound.delete(task)
    else if (task.stage === 'queued') this.waiting.remove(task)
  }
}
