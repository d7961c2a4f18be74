/**
 * The balanced scheduler: decides which engine runs which task, and when.
 *
 * It knows tasks by what their metadata asks for, and engines by what they have in hand. It does not know sockets, what
 * is in a task, who its client is (an opaque address), or how an engine's death was noticed. The order of engines is
 * `engine-pool.ts`, the order of tasks that wait is `waiting-room.ts`.
 *
 * ```
 *  submitted ──► parked ──────────► queued ──────────► assigned ─────────► ended
 *                 │  │  `after` met   │ ▲ engine free     │ │ ▲ failed with retries left, refused by the
 *                 │  └────────────────┼─┼─────────────────┼─┘ │ engine, engine died: queued again
 *                 └───────────────────┘ └─────────────────────┘
 *    every stage can end: answered, or failed by us (TaskTimeout, ImpossibleDependency, EngineError …)
 * ```
 *
 * Whose meaning: a task with the mark of our own clients follows our rules, any other those of the original.
 *
 * | | ours | the original's |
 * | --- | --- | --- |
 * | engine died | runs again at once; at the third death EngineError that names all three | 5 s later EngineError, or a retry |
 * | threw, retries left | elsewhere; where there is no other engine again on the same, in fresh bytes | elsewhere, or waits for ever |
 * | refused by every engine | ImpossibleDependency | waits for ever, unless `targets` names them all |
 * | aborted | final | counts as a failure and is retried |
 *
 * Invariants
 * 1. A task has one answer: it leaves `#tasks` when it ends, and nothing else produces answers.
 * 2. A reply is taken only from the engine that the task is assigned to at present; any other is counted and dropped.
 * 3. No task waits that an engine with a free slot could run.
 * 4. The same bytes go to one engine at most once: it would take the second for a replay and be silent.
 * 5. A task that was with a dying engine runs alone from then on, so that the next death has only one suspect.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import type { DeathCause, ErrorContent } from '../../protocol/catalogue.ts'
import type { Envelope, Json } from '../../protocol/envelope.ts'
import type { Frame } from '../../transport/socket.ts'
import { counts, type Dependency, isMet, isUnreachable, type Outcome, type OutcomeOf } from './dependency.ts'
import { EnginePool, type PoolEngine } from './engine-pool.ts'
import { IndexedHeap } from './indexed-heap.ts'
import type { PlacementScheme, Random } from './placement.ts'
import { Story } from './story.ts'
import { type EngineDeath, Task } from './task.ts'
import { TaskHistory } from './task-history.ts'
import { readTaskPlan, type TaskPlan } from './task-plan.ts'
import { ANYWHERE, mayRunOn, WaitingRoom, type Whereabouts } from './waiting-room.ts'
import { diedRunning, diedWithTargets, errorContent, originalDeath } from './wire-error.ts'

export type TaskQueueEvent =
  | { readonly type: 'engine_joined'; readonly engine: string; readonly id: number }
  /** `orderly`: it was asked to go, so its tasks have nothing to do with it. */
  | {
      readonly type: 'engine_left'
      readonly engine: string
      readonly cause?: DeathCause | undefined
      readonly orderly?: boolean
    }
  /** Its connection was lost and is back: what was under way may be lost. */
  | { readonly type: 'engine_reconnected'; readonly engine: string }
  | {
      readonly type: 'task_submitted'
      readonly msgId: string
      readonly client: Frame
      readonly request: Envelope
      readonly metadata: Json
    }
  | {
      readonly type: 'task_replied'
      readonly engine: string
      /** The request that this answers. */
      readonly msgId: string
      readonly reply: Envelope
      readonly metadata: Json
    }
  | { readonly type: 'tick' }

export type TaskQueueEffect =
  /** `refresh`: give it a new date and signature first (invariant 4). */
  | {
      readonly type: 'dispatch_task'
      readonly task: Task
      readonly engine: string
      readonly refresh: boolean
    }
  | {
      readonly type: 'relay_reply'
      readonly task: Task
      readonly engine: string
      readonly reply: Envelope
    }
  /** `engine`: speak in its name, as the original does for a dead one. */
  | {
      readonly type: 'answer_error'
      readonly task: Task
      readonly engine: string | undefined
      readonly error: ErrorContent
    }
  | { readonly type: 'drop_reply'; readonly engine: string; readonly msgId: string }

export interface TaskQueueOptions {
  readonly scheme: PlacementScheme
  readonly hwm: number | 'auto'
  readonly random: Random
  /** How long the original waits for late replies of a dead engine. */
  readonly limboMs?: Millis
}

/** Deaths after which a task is taken for their cause. */
const DEATHS_MAX = 3
/** Dead engines whose end can still be told. */
const REMEMBERED_DEAD_MAX = 1024

/** A dead engine whose tasks, of the original's kind, may still be answered. */
interface Limbo {
  readonly death: EngineDeath
  readonly tasks: Map<string, Task>
  readonly untilMs: Millis
}

export class TaskQueue {
  readonly #tasks = new Map<string, Task>()
  readonly #pool: EnginePool<Task>
  readonly #waiting = new WaitingRoom()
  readonly #suspects = new WaitingRoom()
  /** Tasks to look at again when the task of this id has ended. */
  readonly #dependents = new Map<string, Set<Task>>()
  readonly #timeouts = new IndexedHeap<Task>((a, b) => a.deadlineMs < b.deadlineMs)
  readonly #limbo = new Map<string, Limbo>()
  readonly #dead = new Map<string, EngineDeath>()
  readonly #history = new TaskHistory()
  readonly #story = new Story()
  readonly #limboMs: Millis
  readonly #ended: string[] = []
  #parked = 0
  #turns = 0
  #repliesDropped = 0
  #lastMetadata: Json | undefined
  #lastPlan: TaskPlan | undefined

  constructor(options: TaskQueueOptions) {
    this.#pool = new EnginePool(options)
    this.#limboMs = options.limboMs ?? 5000
  }

  get wakeAtMs(): Millis {
    let at = this.#timeouts.peek()?.deadlineMs ?? Number.POSITIVE_INFINITY
    for (const limbo of this.#limbo.values()) at = Math.min(at, limbo.untilMs)
    return at
  }

  handle(event: TaskQueueEvent, nowMs: Millis): TaskQueueEffect[] {
    const effects: TaskQueueEffect[] = []
    switch (event.type) {
      case 'task_replied':
        this.#replied(event.engine, event.msgId, event.reply, event.metadata, nowMs, effects)
        break
      case 'task_submitted':
        this.#submitted(event.msgId, event.client, event.request, event.metadata, nowMs, effects)
        break
      case 'engine_joined':
        this.#engineJoined(event.engine, event.id, effects)
        break
      case 'engine_left':
        this.#engineLeft(event.engine, event.cause, event.orderly === true, nowMs, effects)
        break
      case 'engine_reconnected':
        this.#engineReconnected(event.engine, nowMs, effects)
        break
      case 'tick':
        this.#tick(nowMs, effects)
        break
    }
    if (this.#ended.length > 0) this.#wakeDependents(nowMs, effects)
    return effects
  }

  // --- what others may ask ---

  /** Replies of attempts that were given up. */
  get repliesDropped(): number {
    return this.#repliesDropped
  }

  isPending(msgId: string): boolean {
    return this.#tasks.has(msgId)
  }

  /** Ids of the tasks that an engine was given and has not finished. */
  tasksOf(engine: string): string[] {
    return [...(this.#pool.get(engine)?.outstanding.keys() ?? [])]
  }

  loadOf(engine: string): number {
    return this.#pool.get(engine)?.load ?? 0
  }

  /** How many tasks are with no engine. */
  get unassignedCount(): number {
    return this.#parked + this.#waiting.size + this.#suspects.size
  }

  unassigned(): string[] {
    const ids: string[] = []
    for (const task of this.#tasks.values()) if (task.stage !== 'assigned') ids.push(task.msgId)
    return ids
  }

  story(msgId: string): string[] {
    return this.#story.of(msgId)
  }

  // --- tasks come ---

  #submitted(
    msgId: string,
    client: Frame,
    request: Envelope,
    metadata: Json,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const earlier = this.#tasks.get(msgId)
    // The client gave the same name twice: it waits for one answer only, and that is the later one's.
    if (earlier !== undefined) this.#remove(earlier)
    const plan = this.#planOf(metadata)
    if ('ename' in plan) {
      const task = new Task(msgId, client, request, NO_PLAN)
      this.#tasks.set(msgId, task)
      this.#parked += 1
      this.#fail(task, errorContent(plan.ename, plan.evalue), effects)
      return
    }
    const task = new Task(msgId, client, request, plan)
    this.#tasks.set(msgId, task)
    this.#parked += 1
    this.#story.tell(msgId, 'submitted')
    if (plan.after === undefined && plan.follow === undefined) {
      this.#run(task, nowMs, effects)
      return
    }
    for (const dependency of [plan.after, plan.follow]) {
      const known = (id: string): boolean => id !== msgId && this.#outcomeOf(id) !== 'unseen'
      if (dependency === undefined || dependency.ids.every(known)) continue
      this.#fail(task, errorContent('InvalidDependency', ''), effects)
      return
    }
    this.#watchDependencies(task)
    this.#look(task, nowMs, effects)
  }

  /** The shell hands over the same object for equal metadata, which is most of the time. */
  #planOf(metadata: Json): TaskPlan | { readonly ename: string; readonly evalue: string } {
    if (metadata === this.#lastMetadata && this.#lastPlan !== undefined) return this.#lastPlan
    const plan = readTaskPlan(metadata)
    if ('ename' in plan) return plan
    this.#lastMetadata = metadata
    this.#lastPlan = plan
    return plan
  }

  #watchDependencies(task: Task): void {
    for (const dependency of [task.plan.after, task.plan.follow]) {
      for (const id of dependency?.ids ?? []) {
        if (this.#outcomeOf(id) !== 'pending') continue
        let dependents = this.#dependents.get(id)
        if (dependents === undefined) {
          dependents = new Set()
          this.#dependents.set(id, dependents)
        }
        dependents.add(task)
      }
    }
  }

  /** Looks at a task that waits for others: it may now run, or never. */
  #look(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const { after, follow } = task.plan
    if (
      (after !== undefined && isUnreachable(after, this.#outcomeOf)) ||
      (follow !== undefined && isUnreachable(follow, this.#outcomeOf))
    ) {
      this.#fail(task, errorContent('ImpossibleDependency', ''), effects)
      return
    }
    if (after === undefined || isMet(after, this.#outcomeOf)) this.#run(task, nowMs, effects)
    else this.#startTimeout(task, nowMs)
  }

  #wakeDependents(nowMs: Millis, effects: TaskQueueEffect[]): void {
    // A loop and not a recursion: one failure may bring down a chain of ten thousand.
    for (let msgId = this.#ended.pop(); msgId !== undefined; msgId = this.#ended.pop()) {
      const dependents = this.#dependents.get(msgId)
      if (dependents === undefined) continue
      this.#dependents.delete(msgId)
      for (const task of dependents) {
        if (task.stage === 'parked' || task.stage === 'queued') this.#look(task, nowMs, effects)
      }
    }
  }

  readonly #outcomeOf: OutcomeOf = (msgId): Outcome =>
    this.#tasks.has(msgId) ? 'pending' : this.#history.outcome(msgId)

  // --- tasks go to engines ---

  /** Gives a task to an engine, or lets it wait for one, or fails it when no engine can ever come into question. */
  #run(task: Task, nowMs: Millis, effects: TaskQueueEffect[]): void {
    this.#leaveStage(task)
    const where = this.#whereabouts(task)
    if ('status' in where) {
      task.stage = 'parked'
      this.#parked += 1
      this.#giveUp(task, where, effects)
      return
    }
    const engine = this.#engineFor(task, where)
    if (engine !== undefined) {
      this.#assign(task, engine, effects)
      return
    }
    task.stage = 'queued'
    this.#turns += 1
    if (task.suspect) {
      this.#suspects.add(task, where, this.#turns)
      this.#pool.single = true
    } else this.#waiting.add(task, where, this.#turns)
    this.#startTimeout(task, nowMs)
  }

  #engineFor(task: Task, where: Whereabouts): PoolEngine<Task> | undefined {
    // Invariant 5: a suspect shares its engine with nobody.
    if (task.suspect) return this.#pool.nextAmong(engine => engine.load === 0 && mayRunOn(where, engine.uuid))
    if (where === ANYWHERE) return this.#pool.next()
    return this.#pool.nextAmong(engine => mayRunOn(where, engine.uuid))
  }

  #assign(task: Task, engine: PoolEngine<Task>, effects: TaskQueueEffect[]): void {
    const { msgId } = task
    task.stage = 'assigned'
    task.engine = engine.uuid
    if (task.heapAt !== -1) this.#timeouts.remove(task)
    engine.outstanding.set(msgId, task)
    if (task.suspect) engine.isolated = true
    this.#pool.given(engine)
    const refresh = task.stale || task.failedOn?.has(engine.uuid) === true
    task.stale = false
    this.#story.tell(msgId, 'assigned to engine', engine.uuid)
    effects.push({ type: 'dispatch_task', task, engine: engine.uuid, refresh })
  }

  /** Invariant 3: gives an engine all that it can take. */
  #fill(engine: PoolEngine<Task>, effects: TaskQueueEffect[]): void {
    while (this.#pool.isFree(engine)) {
      const suspect = engine.load === 0 ? this.#suspects.takeFor(engine.uuid) : undefined
      const task = suspect ?? this.#waiting.takeFor(engine.uuid)
      if (task === undefined) break
      this.#assign(task, engine, effects)
    }
    if (engine.load === 0) engine.prefetch.idle()
    this.#pool.changed(engine)
  }

  /** When the last suspect has an engine, the others may hold more than one task again. */
  #fillAllAgain(effects: TaskQueueEffect[]): void {
    if (!this.#pool.single || this.#suspects.size > 0) return
    this.#pool.single = false
    if (this.#waiting.size > 0) for (const engine of this.#pool.all()) this.#fill(engine, effects)
  }

  /** Where a task may run at present; an error when it never will. */
  #whereabouts(task: Task): Whereabouts | ErrorContent {
    const { targets, follow, own } = task.plan
    const { refusedBy, failedOn } = task
    if (targets === undefined && follow === undefined && refusedBy === undefined && failedOn === undefined) {
      return ANYWHERE
    }
    let include = targets
    if (follow !== undefined) {
      const engines = this.#enginesToFollow(follow)
      if (engines === undefined) return errorContent('ImpossibleDependency', '')
      include = targets === undefined ? engines : intersection(targets, engines)
      // Nothing it follows has ended well yet: it waits for that, in a line that no engine serves.
      if (engines.size === 0) return { include: engines }
    }
    return own ? this.#whereOwn(task, include) : this.#whereOriginal(task, include)
  }

  #whereOriginal(task: Task, include: ReadonlySet<string> | undefined): Whereabouts | ErrorContent {
    const blacklist = union(task.refusedBy, task.failedOn)
    if (include === undefined) return blacklist.size === 0 ? ANYWHERE : { exclude: blacklist }
    const left = difference(include, blacklist)
    for (const engine of left) if (this.#pool.get(engine) !== undefined) return { include: left }
    return errorContent('ImpossibleDependency', '')
  }

  #whereOwn(task: Task, include: ReadonlySet<string> | undefined): Whereabouts | ErrorContent {
    const refusedBy = task.refusedBy ?? NO_ENGINES
    const failedOn = task.failedOn ?? NO_ENGINES
    let live = 0
    let refused = 0
    let failed = 0
    for (const engine of include ?? this.#uuids()) {
      if (this.#pool.get(engine) === undefined) continue
      live += 1
      if (refusedBy.has(engine)) refused += 1
      else if (failedOn.has(engine)) failed += 1
    }
    if (live === 0 && include !== undefined) return this.#targetsGone(include)
    if (live > 0 && refused === live) return errorContent('ImpossibleDependency', '')
    // Where it failed it goes again only when there is nowhere else.
    const avoid = live > 0 && refused + failed === live ? refusedBy : union(refusedBy, failedOn)
    if (include !== undefined) return { include: difference(include, avoid) }
    return avoid.size === 0 ? ANYWHERE : { exclude: avoid }
  }

  *#uuids(): Iterable<string> {
    for (const engine of this.#pool.all()) yield engine.uuid
  }

  #targetsGone(include: ReadonlySet<string>): ErrorContent {
    const deaths = [...include].map(uuid => this.#dead.get(uuid)).filter(death => death !== undefined)
    return deaths.length === 0 ? errorContent('ImpossibleDependency', '') : diedWithTargets(deaths)
  }

  /**
   * Engines on which `follow` is met by what ended there; empty: not yet; undefined: never.
   */
  #enginesToFollow(follow: Dependency): Set<string> | undefined {
    const byId = new Map<number, number>()
    let counted = 0
    for (const id of follow.ids) {
      if (!counts(follow, this.#outcomeOf(id))) continue
      counted += 1
      const engineId = this.#history.engineOf(id)
      if (engineId !== undefined) byId.set(engineId, (byId.get(engineId) ?? 0) + 1)
    }
    if (follow.all && byId.size > 1) return undefined
    if (follow.all && counted < follow.ids.length) return new Set()
    const engines = new Set<string>()
    for (const engine of this.#pool.all()) {
      const there = byId.get(engine.id) ?? 0
      if (follow.all ? there === follow.ids.length : there > 0) engines.add(engine.uuid)
    }
    const mayStillGrow = !follow.all && counted < follow.ids.length
    return engines.size > 0 || mayStillGrow ? engines : undefined
  }

  // --- replies ---

  #replied(
    uuid: string,
    msgId: string,
    reply: Envelope,
    metadata: Json,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const engine = this.#pool.get(uuid)
    const task = engine?.outstanding.get(msgId)
    if (engine === undefined || task === undefined) {
      this.#repliedLate(uuid, msgId, reply, metadata, nowMs, effects)
      return
    }
    engine.outstanding.delete(msgId)
    engine.isolated = false
    const runMs = metadata.run_ms
    engine.prefetch.ran(typeof runMs === 'number' ? runMs : undefined)
    this.#pool.changed(engine)
    // Invariant 2.
    if (task.stage === 'assigned' && task.engine === uuid) {
      this.#settle(task, engine.uuid, engine.id, reply, metadata, nowMs, effects)
    } else this.#drop(uuid, msgId, effects)
    this.#fill(engine, effects)
    this.#fillAllAgain(effects)
  }

  #repliedLate(
    uuid: string,
    msgId: string,
    reply: Envelope,
    metadata: Json,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const limbo = this.#limbo.get(uuid)
    const task = limbo?.tasks.get(msgId)
    if (limbo === undefined || task === undefined || task.stage !== 'assigned') {
      this.#drop(uuid, msgId, effects)
      return
    }
    limbo.tasks.delete(msgId)
    this.#settle(task, uuid, limbo.death.id, reply, metadata, nowMs, effects)
  }

  #drop(engine: string, msgId: string, effects: TaskQueueEffect[]): void {
    this.#repliesDropped += 1
    this.#story.tell(msgId, 'late reply dropped, from engine', engine)
    effects.push({ type: 'drop_reply', engine, msgId })
  }

  /** Decides whether a reply is the answer or only the end of an attempt. */
  #settle(
    task: Task,
    uuid: string,
    id: number,
    reply: Envelope,
    metadata: Json,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const { status } = metadata
    const ok = status === 'ok' || status === undefined
    if (metadata.dependencies_met === false) {
      task.refuse(uuid)
      this.#story.tell(task.msgId, 'refused by engine', uuid)
      this.#run(task, nowMs, effects)
    } else if (!ok && task.retriesLeft > 0 && !(task.plan.own && status === 'aborted')) {
      task.retriesLeft -= 1
      task.fail(uuid)
      task.lastFailure = reply
      this.#story.tell(task.msgId, 'failed on engine', uuid)
      this.#run(task, nowMs, effects)
    } else {
      effects.push({ type: 'relay_reply', task, engine: uuid, reply })
      this.#end(task, ok, id)
    }
  }

  // --- engines come and go ---

  #engineJoined(uuid: string, id: number, effects: TaskQueueEffect[]): void {
    if (this.#pool.get(uuid) !== undefined) return
    this.#dead.delete(uuid)
    const engine = this.#pool.add(uuid, id)
    this.#fill(engine, effects)
    this.#fillAllAgain(effects)
  }

  #engineLeft(
    uuid: string,
    cause: DeathCause | undefined,
    orderly: boolean,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    const engine = this.#pool.get(uuid)
    if (engine === undefined) return
    this.#pool.remove(engine)
    const death: EngineDeath = { uuid, id: engine.id, cause }
    this.#dead.set(uuid, death)
    if (this.#dead.size > REMEMBERED_DEAD_MAX)
      for (const oldest of this.#dead.keys()) {
        this.#dead.delete(oldest)
        break
      }
    const again: Task[] = []
    const limbo = new Map<string, Task>()
    for (const [msgId, task] of engine.outstanding) {
      if (task.stage !== 'assigned' || task.engine !== uuid) continue
      if (task.plan.own) again.push(task)
      else limbo.set(msgId, task)
    }
    if (limbo.size > 0) this.#limbo.set(uuid, { death, tasks: limbo, untilMs: nowMs + this.#limboMs })
    for (const task of again) this.#runAfterDeath(task, death, orderly, nowMs, effects)
    for (const task of [...this.#waiting.particular(), ...this.#suspects.particular()]) {
      if (task.stage === 'queued') this.#run(task, nowMs, effects)
    }
    this.#fillAllAgain(effects)
  }

  #runAfterDeath(
    task: Task,
    death: EngineDeath,
    orderly: boolean,
    nowMs: Millis,
    effects: TaskQueueEffect[],
  ): void {
    this.#story.tell(task.msgId, 'lost with engine', death.uuid)
    if (!orderly) {
      task.deaths ??= []
      task.deaths.push(death)
    }
    if (task.deaths !== undefined && task.deaths.length >= DEATHS_MAX) {
      this.#leaveStage(task)
      task.stage = 'parked'
      this.#parked += 1
      this.#fail(task, diedRunning(task.msgId, task.deaths), effects)
    } else this.#run(task, nowMs, effects)
  }

  #engineReconnected(uuid: string, nowMs: Millis, effects: TaskQueueEffect[]): void {
    const engine = this.#pool.get(uuid)
    if (engine === undefined) return
    const again = [...engine.outstanding.values()].filter(
      task => task.plan.own && task.stage === 'assigned' && task.engine === uuid,
    )
    // Invariant 4: they may have arrived there before the connection broke.
    for (const task of again) {
      engine.outstanding.delete(task.msgId)
      task.stale = true
    }
    engine.isolated = false
    this.#pool.changed(engine)
    for (const task of again) this.#run(task, nowMs, effects)
    this.#fill(engine, effects)
  }

  // --- time ---

  #startTimeout(task: Task, nowMs: Millis): void {
    this.#timeouts.remove(task)
    task.deadlineMs = nowMs + task.plan.timeoutMs
    if (task.deadlineMs !== Number.POSITIVE_INFINITY) this.#timeouts.push(task)
  }

  #tick(nowMs: Millis, effects: TaskQueueEffect[]): void {
    for (let task = this.#timeouts.peek(); task !== undefined; task = this.#timeouts.peek()) {
      if (task.deadlineMs > nowMs) break
      this.#fail(task, errorContent('TaskTimeout', ''), effects)
    }
    for (const [uuid, limbo] of this.#limbo) {
      if (limbo.untilMs > nowMs) continue
      this.#limbo.delete(uuid)
      for (const task of limbo.tasks.values()) {
        if (task.stage === 'assigned') this.#failLikeTheOriginal(task, limbo.death, nowMs, effects)
      }
    }
  }

  /** The original makes a failed reply in the dead engine's name and treats it as any other, retries included. */
  #failLikeTheOriginal(task: Task, death: EngineDeath, nowMs: Millis, effects: TaskQueueEffect[]): void {
    if (task.retriesLeft > 0) {
      task.retriesLeft -= 1
      task.fail(death.uuid)
      this.#run(task, nowMs, effects)
      return
    }
    effects.push({
      type: 'answer_error',
      task,
      engine: death.uuid,
      error: originalDeath(death.uuid, task.msgId),
    })
    this.#end(task, false, death.id)
  }

  // --- ends ---

  /** An own task that has nowhere to go gives the error it really had, if it had one. */
  #giveUp(task: Task, error: ErrorContent, effects: TaskQueueEffect[]): void {
    const { lastFailure, engine } = task
    if (!task.plan.own || lastFailure === undefined || engine === undefined) {
      this.#fail(task, error, effects)
      return
    }
    effects.push({ type: 'relay_reply', task, engine, reply: lastFailure })
    this.#end(task, false, undefined)
  }

  #fail(task: Task, error: ErrorContent, effects: TaskQueueEffect[]): void {
    effects.push({ type: 'answer_error', task, engine: undefined, error })
    this.#end(task, false, undefined)
  }

  /** Invariant 1. */
  #end(task: Task, ok: boolean, engineId: number | undefined): void {
    this.#remove(task)
    this.#history.finished(task.msgId, ok, engineId)
    this.#story.tell(task.msgId, ok ? 'ended well' : 'failed')
    if (this.#dependents.size > 0) this.#ended.push(task.msgId)
  }

  #remove(task: Task): void {
    this.#leaveStage(task)
    this.#timeouts.remove(task)
    task.stage = 'ended'
    this.#tasks.delete(task.msgId)
  }

  #leaveStage(task: Task): void {
    if (task.stage === 'parked') this.#parked -= 1
    else if (task.stage === 'queued') (task.suspect ? this.#suspects : this.#waiting).remove(task)
  }

  /** @throws InvariantError when the machine contradicts itself. */
  validate(): void {
    this.#pool.validate()
    this.#waiting.validate()
    this.#suspects.validate()
    const count = { parked: 0, queued: 0, assigned: 0, ended: 0 }
    for (const task of this.#tasks.values()) {
      count[task.stage] += 1
      if (task.stage !== 'assigned') continue
      const holder = this.#pool.get(task.engine!)?.outstanding ?? this.#limbo.get(task.engine!)?.tasks
      invariant(
        holder?.get(task.msgId) === task,
        `${task.msgId} is assigned to an engine that has not got it`,
        this.story(task.msgId),
      )
    }
    invariant(count.ended === 0, 'an ended task is still there')
    invariant(count.parked === this.#parked, 'the parked tasks do not add up')
    invariant(count.queued === this.#waiting.size + this.#suspects.size, 'a queued task stands in no line')
    for (const task of this.#waiting) {
      const where = task.line!.where
      const engine = this.#engineFor(task, where)
      invariant(engine === undefined, `${task.msgId} waits beside a free engine`, this.story(task.msgId))
    }
  }
}

const NO_ENGINES: ReadonlySet<string> = new Set()
const NO_PLAN: TaskPlan = {
  after: undefined,
  follow: undefined,
  targets: undefined,
  timeoutMs: Number.POSITIVE_INFINITY,
  retries: 0,
  own: false,
}

function union(
  a: ReadonlySet<string> = NO_ENGINES,
  b: ReadonlySet<string> = NO_ENGINES,
): ReadonlySet<string> {
  if (a.size === 0) return b
  return b.size === 0 ? a : new Set([...a, ...b])
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter(item => b.has(item)))
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter(item => !b.has(item)))
}
