import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { DeathCause, ErrorContent } from '../protocol/catalogue.ts'
import { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import type { Arrival } from '../transport/arrival.ts'
import type { Frame } from '../transport/socket.ts'
import type { ControlShell } from './control-shell.ts'
import {
  checkReadable,
  guarded,
  type Intake,
  MetadataReader,
  messageIdOf,
  parentIdOf,
  peekMessage,
  takeMessage,
} from './incoming.ts'
import { refreshed } from './refresh.ts'
import type { Registrar } from './registrar.ts'
import { RelayShell, swapped } from './relay-shell.ts'
import type { HubEffect } from './state/hub.ts'
import type { Task } from './state/task.ts'
import type { TaskQueueEffect, TaskQueueEvent } from './state/task-events.ts'
import type { TaskQueue } from './state/task-queue.ts'

/** It goes into an error, and is kept as long as its task. */
const REFUSAL_LENGTH_MAX = 500

export interface TaskShellOptions extends Intake {
  readonly clock: Clock
  readonly queue: TaskQueue
  readonly registrar: Registrar
  readonly control: Pick<ControlShell, 'ask'>
}

/** The balanced scheduler's sockets: reads what comes, tells the queue, does what it says. */
export class TaskShell extends RelayShell<TaskShellOptions> {
  readonly #alarm: Alarm
  readonly #metadata = new MetadataReader()

  constructor(options: TaskShellOptions) {
    super(options)
    this.#alarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a tick of the balanced scheduler', () => this.#happened({ type: 'tick' })),
    )
  }

  engineJoined({ engine, id, language, recalls }: Extract<HubEffect, { type: 'admit_engine' }>): void {
    this.admit(engine)
    const isAway = !this.isConnected(engine)
    this.#happened({ type: 'engine_joined', engine, id, language, isAway, recalls })
  }

  engineLeft(engine: string, cause: DeathCause | undefined, orderly: boolean): void {
    this.dismiss(engine)
    this.#happened({ type: 'engine_left', engine, cause, orderly })
  }

  protected override linkLost(engine: string): void {
    this.options.registrar.linkLost(engine, 'task')
    this.#happened({ type: 'engine_disconnected', engine })
  }

  protected override linkJoined(engine: string): void {
    this.options.registrar.linkJoined(engine, 'task')
    this.#happened({ type: 'engine_reconnected', engine })
  }

  fromClient(frames: Frame[]): void {
    takeMessage(this.options, 'task', frames, 1, request => this.submit(request))
  }

  /** @param request - with its client's address before the delimiter. */
  submit(request: Envelope): void {
    const msgId = messageIdOf(request)
    const metadata = this.#metadata.read(request)
    checkReadable(request)
    this.options.registrar.records.submitted(msgId, request, 'task')
    this.#happened({ type: 'task_submitted', msgId, client: request.frames[0]!, request, metadata })
  }

  abort(msgIds: readonly string[]): void {
    this.#happened({ type: 'tasks_aborted', msgIds })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.options, 'task replies', frames, 2, reply => {
      const msgId = parentIdOf(reply)
      if (msgId === undefined) {
        this.options.warnings.warn('dropped a message on task replies: it answers nothing')
        return
      }
      const engine = reply.frames[0]!.toString('latin1')
      const { metadata } = reply
      const refusal = metadata.dependencies_met === false ? refusalOf(reply) : undefined
      this.#happened({ type: 'task_replied', engine, msgId, reply, metadata, refusal })
    })
  }

  /** A large reply is coming in. */
  replyArrives(head: Frame[], arrival: Arrival): void {
    peekMessage(this.options, head, 2, reply => {
      const engine = reply.frames[0]!.toString('latin1')
      const msgId = parentIdOf(reply)
      if (reply.metadata.status !== 'ok' || reply.metadata.dependencies_met === false) return
      if (msgId !== undefined && this.options.queue.wouldRelay(msgId, engine))
        this.passOnToClient(swapped(reply.frames), arrival)
    })
  }

  /** An engine's answer to a recall. */
  recalled(reply: Envelope): void {
    const { given_back: given } = reply.content
    if (!Array.isArray(given)) return
    const engine = reply.frames[0]!.toString('latin1')
    this.#happened({ type: 'tasks_given_back', engine, signatures: new Set(given.map(String)) })
  }

  /** The connection over which an engine answers recalls was lost, or is there again. */
  controlLink(engine: string, isThere: boolean): void {
    this.#happened({ type: isThere ? 'control_reconnected' : 'control_disconnected', engine })
  }

  close(): void {
    this.#alarm.close()
  }

  #happened(event: TaskQueueEvent): void {
    const { queue, clock } = this.options
    const effects = queue.handle(event, clock.nowMs())
    for (let i = 0; i < effects.length; i++) this.#perform(effects[i]!)
    this.#alarm.set(queue.wakeAtMs)
  }

  #perform(effect: TaskQueueEffect): void {
    switch (effect.type) {
      case 'dispatch_task':
        this.#dispatch(effect.task, effect.engine, effect.refresh)
        break
      case 'recall_tasks':
        this.#recall(effect.engine, effect.tasks)
        break
      case 'relay_reply':
        this.#relay(effect.task, effect.engine, effect.reply)
        break
      case 'answer_error':
        this.#answer(effect.task, effect.engine, effect.error)
        break
      case 'drop_reply':
        this.options.warnings.warn('dropped the late reply of an attempt that was given up', {
          task: effect.msgId,
          engine: effect.engine,
        })
        break
    }
  }

  #dispatch(task: Task, engine: string, refresh: boolean): void {
    const { session, registrar } = this.options
    registrar.records.assigned(task.msgId, engine)
    const { request } = task
    const frames = refresh ? refreshed(session, request) : request.frames
    task.sentAs = frames[request.delimiterAt + 1]
    this.sendToEngine(engine, frames)
  }

  /** Tasks are named by the signatures under which this engine got them: they may come to it again under others. */
  #recall(engine: string, tasks: readonly Task[]): void {
    const signatures = tasks.map(task => task.sentAs?.toString('latin1') ?? '').filter(text => text !== '')
    if (signatures.length === 0) return
    const { control, session } = this.options
    control.ask(engine, session.pack({ type: 'recall_request', content: { signatures } }))
  }

  #relay(task: Task, engine: string, reply: Envelope): void {
    const { frames } = reply
    this.sendToClient(swapped(frames))
    this.options.registrar.finished(task.msgId, task.request, 'task', engine, reply, reply.metadata.status)
  }

  #answer(task: Task, engine: string | undefined, error: ErrorContent): void {
    const { session, registrar } = this.options
    const metadata = engine === undefined ? {} : { status: 'error', engine, date: dateNow() }
    const body = session.pack({
      type: 'apply_reply',
      parentHeader: task.request.headerFrame,
      metadata,
      content: error,
    })
    const prefix = engine === undefined ? [task.client] : [task.client, Buffer.from(engine, 'latin1')]
    this.sendToClient([...prefix, ...body])
    registrar.finished(task.msgId, task.request, 'task', engine, Envelope.cut(body)!, 'error')
  }
}

/** What an engine says of the dependency that is not met there. */
function refusalOf(reply: Envelope): string {
  const { evalue } = reply.content
  return typeof evalue === 'string' ? evalue.slice(0, REFUSAL_LENGTH_MAX) : ''
}
