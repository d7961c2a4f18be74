import type { Millis } from '../../base/clock.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Frame } from '../../transport/socket.ts'
import type { EngineDeath } from './dead-engines.ts'
import { DependencyProgress } from './dependency-progress.ts'
import type { HeapItem } from './indexed-heap.ts'
import type { TaskPlan } from './task-plan.ts'
import type { Line } from './waiting-room.ts'

/** Where a task is in its life; the diagram is at the head of `task-queue.ts`. */
export type TaskStage = 'parked' | 'queued' | 'assigned' | 'ended'

/** One unit given to the balanced scheduler, until its client has its answer. */
export class Task implements HeapItem {
  readonly msgId: string
  readonly client: Frame
  readonly request: Envelope
  readonly plan: TaskPlan
  readonly after: DependencyProgress | undefined
  readonly follow: DependencyProgress | undefined
  retriesLeft: number
  stage: TaskStage = 'parked'
  /** Uuid of the engine that this attempt is with. */
  engine: string | undefined = undefined
  /** Engines that said the task's functional dependency is not met there. */
  refusedBy: Set<string> | undefined = undefined
  /** What the last of them said about it. */
  refusal = ''
  /** Engines on which an attempt failed. */
  failedOn: Set<string> | undefined = undefined
  /** The failed reply of the last attempt, for when there is no other. */
  lastFailure: Envelope | undefined = undefined
  /** Engines that died with the task in hand. */
  deaths: EngineDeath[] | undefined = undefined
  /** Somebody wants it to end: no other engine gets it. */
  isAborted = false
  /** Engines that were given it and lost to it: they may come back, and be given it again. */
  leftEngines: Set<string> | undefined = undefined
  /** Signature of the bytes in which its engine got it. */
  sentAs: Frame | undefined = undefined
  line: Line | undefined = undefined
  /** Its turn among those that wait for an engine. */
  turn = 0
  deadlineMs: Millis = Number.POSITIVE_INFINITY
  heapAt = -1

  constructor(msgId: string, client: Frame, request: Envelope, plan: TaskPlan) {
    this.msgId = msgId
    this.client = client
    this.request = request
    this.plan = plan
    this.after = plan.after && new DependencyProgress(plan.after)
    this.follow = plan.follow && new DependencyProgress(plan.follow)
    this.retriesLeft = plan.retries
  }

  /** It was with an engine that died, and so may be what killed it: it then runs with no other task beside it. */
  get suspect(): boolean {
    return this.deaths !== undefined
  }

  diedWith(death: EngineDeath): void {
    this.deaths ??= []
    this.deaths.push(death)
  }

  refuse(engine: string, refusal: string): void {
    this.refusal = refusal
    this.refusedBy ??= new Set()
    this.refusedBy.add(engine)
  }

  left(engine: string): void {
    this.leftEngines ??= new Set()
    this.leftEngines.add(engine)
  }

  /** The engine may know its bytes already, and would then take them for a replay. */
  wasSeenBy(engine: string): boolean {
    return this.leftEngines?.has(engine) === true || this.failedOn?.has(engine) === true
  }

  fail(engine: string): void {
    this.failedOn ??= new Set()
    this.failedOn.add(engine)
  }
}
