/**
 * The balanced scheduler: decides which engine runs which task, and when.
 *
 * It knows tasks by what their metadata asks for, and engines by what they have in hand. It does not know sockets, what
 * is in a task, who its client is (an opaque address), or how an engine's death was noticed. Here is what follows from
 * each event. Who gets which task is `assignment.ts`, with the order of engines in `engine-pool.ts` and that of tasks in
 * `waiting-room.ts`; tasks that wait for others are `parking.ts`; how tasks end is `task-table.ts`.
 *
 * ```
 *  submitted ──► parked ──────────► queued ──────────► assigned ─────────► ended
 *                 │  │  `after` met   │ ▲ engine free     │ │ ▲ failed with retries left, refused or given back by
 *                 │  └────────────────┼─┼─────────────────┼─┘ │ the engine, engine died or its connection came back:
 *                 └───────────────────┘ └─────────────────────┘ queued again
 *    every stage can end: answered, or failed by us (TaskTimeout, ImpossibleDependency, EngineError …)
 * ```
 *
 * Whose meaning: a task with the mark of our own clients follows our rules, any other those of the original.
 *
 * | | ours | the original's |
 * | --- | --- | --- |
 * | engine died | runs again at once; at the third death EngineError that names all three | 5 s later EngineError, or a retry |
 * | threw, retries left | elsewhere; where there is no other engine again on the same, in fresh bytes | elsewhere, or waits for ever |
 * | refused by every engine of its language | ImpossibleDependency | waits for ever, unless `targets` names them all |
 * | aborted | final | counts as a failure and is retried |
 *
 * Invariants
 * 1. A task has one answer: it leaves the table when it ends, and nothing else produces answers.
 * 2. A reply is taken only from the engine that the task is assigned to at present; any other is counted and dropped.
 * 3. No task waits that an engine with a free slot could run, its language, targets and refusals considered.
 * 4. The same bytes go to one engine at most once: it would take the second for a replay and be silent.
 * 5. A task that was with a dying engine runs alone from then on, so that the next death has only one suspect.
 */

import { AbortedIds } from '../../base/aborted-ids.ts'
import type { Millis } from '../../base/clock.ts'
import { languageByUuid } from '../../base/ids.ts'
import { ABORTED, Assignment } from './assignment.ts'
import { DeadEngines, type EngineDeath } from './dead-engines.ts'
import { timeoutText } from './dependency-texts.ts'
import { EnginePool, type PoolEngine } from './engine-pool.ts'
import { Limbo } from './limbo.ts'
import { Parking } from './parking.ts'
import { Recall } from './recall.ts'
import { Task } from './task.ts'
import type { TaskQueueEffect, TaskQueueEvent, TaskQueueOptions } from './task-events.ts'
import { NO_PLAN, PlanReader } from './task-plan.ts'
import { checkTaskQueue } from './task-queue-check.ts'
import { TaskTable } from './task-table.ts'
import { diedRunning, errorContent, originalDeath } from './wire-error.ts'

type Submitted = Extract<TaskQueueEvent, { type: 'task_submitted' }>
type Replied = Extract<TaskQueueEvent, { type: 'task_replied' }>
type Joined = Extract<TaskQueueEvent, { type: 'engine_joined' }>
type Left = Extract<TaskQueueEvent, { type: 'engine_left' }>

/** Deaths after which a task is taken for their cause. */
const DEATHS_MAX = 3

export class TaskQueue {
  readonly #table = new TaskTable()
  readonly #pool: EnginePool<Task>
  readonly #limbo = new Limbo()
  readonly #abortedEarly = new AbortedIds()
  readonly #dead = new DeadEngines()
  readonly #plans = new PlanReader()
  readonly #recall: Recall
  readonly #limboMs: Millis
  readonly #assignment: Assignment
  readonly #parking: Parking
  #repliesDropped = 0

  constructor(options: TaskQueueOptions) {
    this.#pool = new EnginePool(options)
    this.#recall = new Recall(() => this.#pool.all())
    this.#limboMs = options.limboMs ?? 5000
    const surroundings = { pool: this.#pool, dead: this.#dead }
    this.#assignment = new Assignment(this.#table, surroundings, this.#recall)
    this.#parking = new Parking(this.#table, surroundings, this.#assignment)
  }

  get wakeAtMs(): Millis {
    return Math.min(this.#table.timeouts.wakeAtMs, this.#limbo.wakeAtMs, this.#recall.wakeAtMs)
  }

  handle(event: TaskQueueEvent, nowMs: Millis): TaskQueueEffect[] {
    this.#recall.nowMs = nowMs
    const effects: TaskQueueEffect[] = []
    switch (event.type) {
      case 'task_replied':
        this.#replied(event, nowMs, effects)
        break
      case 'task_submitted':
        this.#submitted(event, nowMs, effects)
        break
      case 'tasks_aborted':
        for (const msgId of event.msgIds) this.#aborted(msgId, effects)
        break
      case 'engine_joined':
        this.#engineJoined(event, effects)
        break
      case 'tasks_given_back':
        this.#givenBack(
          event.engine,
          engine => this.#recall.takeBack(engine, event.signatures),
          nowMs,
          effects,
        )
        break
      case 'control_disconnected':
        this.#controlDisconnected(event.engine)
        break
      case 'control_reconnected':
        this.#givenBack(event.engine, engine => this.#recall.reconnected(engine), nowMs, effects)
        break
      case 'engine_left':
        this.#engineLeft(event, nowMs, effects)
        break
      case 'engine_disconnected':
        this.#pool.setConnected(event.engine, false)
        break
      case 'engine_reconnected':
        this.#engineReconnected(event.engine, nowMs, effects)
        break
      case 'tick':
        this.#tick(nowMs, effects)
        break
    }
    if (this.#table.ended.length > 0) this.#parking.tellOfEnded(nowMs, effects)
    return effects
  }

  // --- what others may ask ---

  /** Replies of attempts that were given up. */
  get repliesDropped(): number {
    return this.#repliesDropped
  }

  /** Tasks that have no answer yet. */
  get size(): number {
    return this.#table.tasks.size
  }

  isPending(msgId: string): boolean {
    return this.#table.tasks.has(msgId)
  }

  /** Whether a good reply that is still coming in would be its task's answer, for a client of ours. */
  wouldRelay(msgId: string, engine: string): boolean {
    const task = this.#pool.get(engine)?.outstanding.get(msgId)
    return task?.stage === 'assigned' && task.engine === engine && task.plan.own
  }

  /** Ids of the tasks that an engine was given and has not finished. */
  tasksOf(engine: string): string[] {
    return [...(this.#pool.get(engine)?.outstanding.keys() ?? [])]
  }

  unassigned(): string[] {
    return [...this.#table.tasks.values()].filter(task => task.stage !== 'assigned').map(task => task.msgId)
  }

  story(msgId: string): string[] {
    return this.#table.story.of(msgId)
  }

  // --- tasks come ---

  #submitted(event: Submitted, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { msgId, client, request, metadata } = event
    const earlier = this.#table.tasks.get(msgId)
    // The client gave the same name twice: it waits for one answer only, and that is the later one's.
    if (earlier !== undefined) this.#table.remove(earlier)
    const plan = this.#plans.read(metadata)
    const task = new Task(msgId, client, request, 'ename' in plan ? NO_PLAN : plan)
    this.#table.tasks.set(msgId, task)
    if ('ename' in plan) {
      this.#table.fail(task, errorContent(plan.ename, plan.evalue), effects)
      return
    }
    this.#table.story.tell(msgId, 'submitted')
    task.isAborted = this.#abortedEarly.take(msgId)
    if (task.isAborted || (task.after === undefined && task.follow === undefined))
      this.#assignment.run(task, nowMs, effects)
    else this.#parking.add(task, nowMs, effects)
  }

  /** A task that is with an engine is that engine's to abort: here it is only given to no other. */
  #aborted(msgId: string, effects: TaskQueueEffect[]): void {
    const task = this.#table.tasks.get(msgId)
    if (task?.stage === 'assigned') task.isAborted = true
    else if (task !== undefined) this.#table.fail(task, errorContent('TaskAborted', ABORTED), effects)
    // The request to abort it came another way, and was faster.
    else if (this.#table.history.outcome(msgId) === 'unseen') this.#abortedEarly.add([msgId])
  }

  // --- replies ---

  #replied(event: Replied, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { engine: uuid, msgId, metadata } = event
    const engine = this.#pool.get(uuid)
    const task = engine?.outstanding.get(msgId)
    if (engine === undefined || task === undefined) {
      this.#repliedLate(event, nowMs, effects)
      return
    }
    engine.outstanding.delete(msgId)
    this.#recall.ended(engine)
    engine.isolated = false
    const runMs = metadata.run_ms
    engine.prefetch.ran(typeof runMs === 'number' ? runMs : undefined)
    this.#pool.changed(engine)
    // Invariant 2.
    if (task.stage === 'assigned' && task.engine === uuid) {
      this.#settle(task, engine.id, event, nowMs, effects)
    } else this.#drop(uuid, msgId, effects)
    this.#assignment.fill(engine, effects)
    this.#assignment.fillAllAgain(effects)
  }

  #repliedLate(event: Replied, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const waiting = this.#limbo.take(event.engine, event.msgId)
    if (waiting === undefined) this.#drop(event.engine, event.msgId, effects)
    else this.#settle(waiting.task, waiting.death.id, event, nowMs, effects)
  }

  #drop(engine: string, msgId: string, effects: TaskQueueEffect[]): void {
    this.#repliesDropped += 1
    this.#table.story.tell(msgId, 'late reply dropped, from engine', engine)
    effects.push({ type: 'drop_reply', engine, msgId })
  }

  /** Decides whether a reply is the answer or only the end of an attempt. */
  #settle(task: Task, id: number, event: Replied, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { engine: uuid, reply, metadata } = event
    const { status } = metadata
    const ok = status === 'ok' || status === undefined
    if (metadata.dependencies_met === false) {
      task.refuse(uuid, event.refusal ?? '')
      this.#table.story.tell(task.msgId, 'refused by engine', uuid)
      this.#assignment.run(task, nowMs, effects)
    } else if (!ok && task.retriesLeft > 0 && !(task.plan.own && status === 'aborted')) {
      task.retriesLeft -= 1
      task.fail(uuid)
      task.lastFailure = reply
      this.#table.story.tell(task.msgId, 'failed on engine', uuid)
      this.#assignment.run(task, nowMs, effects)
    } else {
      effects.push({ type: 'relay_reply', task, engine: uuid, reply })
      this.#table.end(task, ok, id)
    }
  }

  // --- engines come and go ---

  #engineJoined(event: Joined, effects: TaskQueueEffect[]): void {
    const { engine: uuid, id, language = languageByUuid(uuid), isAway = false, recalls = false } = event
    if (this.#pool.get(uuid) !== undefined) return
    this.#dead.cameBack(uuid)
    this.#assignment.fill(this.#pool.add({ uuid, id, language, isAway, recalls }), effects)
    this.#assignment.fillAllAgain(effects)
  }

  #engineLeft(event: Left, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { engine: uuid, cause, orderly = false } = event
    const engine = this.#pool.get(uuid)
    if (engine === undefined) return
    this.#pool.remove(engine)
    const death = this.#dead.died({ uuid, id: engine.id, cause })
    const again = this.#limbo.add(death, engine.outstanding.values(), nowMs + this.#limboMs)
    for (const task of again) this.#runAfterDeath(task, death, orderly, nowMs, effects)
    for (const task of this.#table.waiting.particular()) {
      if (task.stage === 'queued') this.#assignment.run(task, nowMs, effects)
    }
    this.#parking.engineLeft(nowMs, effects)
    this.#assignment.fillAllAgain(effects)
  }

  #runAfterDeath(
    task: Task,
    death: EngineDeath,
    orderly: boolean,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    this.#table.story.tell(task.msgId, 'lost with engine', death.uuid)
    task.left(death.uuid)
    if (!orderly) task.diedWith(death)
    if (task.deaths !== undefined && task.deaths.length >= DEATHS_MAX) {
      this.#table.leaveStage(task)
      task.stage = 'parked'
      this.#table.fail(task, diedRunning(task.msgId, task.deaths), effects)
    } else this.#assignment.run(task, nowMs, effects)
  }

  #engineReconnected(uuid: string, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const engine = this.#pool.get(uuid)
    if (engine?.connected !== false) return
    engine.isolated = false
    // Stock tasks too: one that was lost on its way would hold its place there for ever.
    const again = [...engine.outstanding.values()].filter(task => task.stage === 'assigned')
    engine.outstanding.clear()
    this.#pool.setConnected(uuid, true)
    for (const task of again) task.left(uuid)
    for (const task of again) this.#assignment.run(task, nowMs, effects)
    this.#assignment.fill(engine, effects)
  }

  #controlDisconnected(uuid: string): void {
    const engine = this.#pool.get(uuid)
    if (engine !== undefined) this.#recall.disconnected(engine)
  }

  /** @param take - takes out of its hands what it will not run, or may not. */
  #givenBack(
    uuid: string,
    take: (engine: PoolEngine<Task>) => Task[],
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const engine = this.#pool.get(uuid)
    if (engine === undefined) return
    const given = take(engine)
    this.#pool.changed(engine)
    for (const task of given) {
      this.#table.story.tell(task.msgId, 'given back by engine', uuid)
      this.#assignment.run(task, nowMs, effects)
    }
    this.#assignment.fill(engine, effects)
  }

  #tick(nowMs: Millis, effects: TaskQueueEffect[]): void {
    this.#recall.ask(effects)
    for (
      let task = this.#table.timeouts.overdue(nowMs);
      task !== undefined;
      task = this.#table.timeouts.overdue(nowMs)
    ) {
      this.#table.fail(task, errorContent('TaskTimeout', timeoutText(task)), effects)
    }
    for (const { task, death } of this.#limbo.expired(nowMs)) {
      this.#failLikeTheOriginal(task, death, nowMs, effects)
    }
  }

  /** The original makes a failed reply in the dead engine's name and treats it as any other, retries included. */
  #failLikeTheOriginal(task: Task, death: EngineDeath, nowMs: Millis, effects: TaskQueueEffect[]): void {
    if (task.retriesLeft > 0) {
      task.retriesLeft -= 1
      task.fail(death.uuid)
      this.#assignment.run(task, nowMs, effects)
      return
    }
    effects.push({
      type: 'answer_error',
      task,
      engine: death.uuid,
      error: originalDeath(death.uuid, task.msgId),
    })
    this.#table.end(task, false, death.id)
  }

  /** @throws InvariantError when the machine contradicts itself. */
  validate(): void {
    checkTaskQueue({
      tasks: this.#table.tasks.values(),
      pool: this.#pool,
      waiting: this.#table.waiting,
      limbo: this.#limbo,
      parkedBound: this.#table.parkedBound,
      canRun: task => this.#assignment.canRun(task),
      story: msgId => this.story(msgId),
    })
  }
}
