import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { DeathCause, ErrorContent } from '../protocol/catalogue.ts'
import { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import type { Frame, Message, PeerEvent, Socket } from '../transport/socket.ts'
import { EngineLinks } from './engine-links.ts'
import {
  checkReadable,
  guarded,
  type Intake,
  MetadataReader,
  messageIdOf,
  parentIdOf,
  takeMessage,
} from './incoming.ts'
import { refreshed } from './refresh.ts'
import type { Registrar } from './registrar.ts'
import type { Task } from './state/task.ts'
import type { TaskQueueEffect, TaskQueueEvent } from './state/task-events.ts'
import type { TaskQueue } from './state/task-queue.ts'

/** It goes into an error, and is kept as long as its task. */
const REFUSAL_LENGTH_MAX = 500

export interface TaskShellOptions extends Intake {
  readonly clock: Clock
  readonly queue: TaskQueue
  readonly registrar: Registrar
}

/** The balanced scheduler's sockets: reads what comes, tells the queue, does what it says. */
export class TaskShell {
  readonly #options: TaskShellOptions
  readonly #alarm: Alarm
  readonly #links: EngineLinks
  readonly #metadata = new MetadataReader()
  #in: Socket | undefined
  #out: Socket | undefined

  constructor(options: TaskShellOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a tick of the balanced scheduler', () => this.#happened({ type: 'tick' })),
    )
    this.#links = new EngineLinks({
      send: message => this.#out!.send(message),
      onLost: engine => {
        options.registrar.linkLost(engine, 'task')
        this.#happened({ type: 'engine_disconnected', engine })
      },
      onJoined: engine => {
        options.registrar.linkJoined(engine, 'task')
        this.#happened({ type: 'engine_reconnected', engine })
      },
    })
  }

  attach(clients: Socket, engines: Socket): void {
    this.#in = clients
    this.#out = engines
  }

  engineJoined(engine: string, id: number): void {
    this.#links.admit(engine)
    this.#happened({ type: 'engine_joined', engine, id })
  }

  engineLeft(engine: string, cause: DeathCause | undefined, orderly: boolean): void {
    this.#links.dismiss(engine)
    this.#happened({ type: 'engine_left', engine, cause, orderly })
  }

  peer(event: PeerEvent): void {
    guarded(this.#options.log, 'the connection of an engine', () => this.#links.peer(event))
  }

  fromClient(frames: Frame[]): void {
    takeMessage(this.#options, 'task', frames, 1, request => this.submit(request))
  }

  /** @param request - with its client's address before the delimiter. */
  submit(request: Envelope): void {
    const msgId = messageIdOf(request)
    const metadata = this.#metadata.read(request)
    checkReadable(request)
    this.#options.registrar.records.submitted(msgId, request, 'task')
    this.#happened({ type: 'task_submitted', msgId, client: request.frames[0]!, request, metadata })
  }

  abort(msgIds: readonly string[]): void {
    this.#happened({ type: 'tasks_aborted', msgIds })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.#options, 'task replies', frames, 2, reply => {
      const msgId = parentIdOf(reply)
      if (msgId === undefined) {
        this.#options.warnings.warn('dropped a message on task replies: it answers nothing')
        return
      }
      const engine = reply.frames[0]!.toString('latin1')
      const { metadata } = reply
      const refusal = metadata.dependencies_met === false ? refusalOf(reply) : undefined
      this.#happened({ type: 'task_replied', engine, msgId, reply, metadata, refusal })
    })
  }

  close(): void {
    this.#alarm.close()
  }

  #happened(event: TaskQueueEvent): void {
    const { queue, clock } = this.#options
    const effects = queue.handle(event, clock.nowMs())
    for (let i = 0; i < effects.length; i++) this.#perform(effects[i]!)
    this.#alarm.set(queue.wakeAtMs)
  }

  #perform(effect: TaskQueueEffect): void {
    switch (effect.type) {
      case 'dispatch_task':
        this.#dispatch(effect.task, effect.engine, effect.refresh)
        break
      case 'relay_reply':
        this.#relay(effect.task, effect.engine, effect.reply)
        break
      case 'answer_error':
        this.#answer(effect.task, effect.engine, effect.error)
        break
      case 'drop_reply':
        this.#options.warnings.warn('dropped the late reply of an attempt that was given up', {
          task: effect.msgId,
          engine: effect.engine,
        })
        break
    }
  }

  #dispatch(task: Task, engine: string, refresh: boolean): void {
    const { session, registrar } = this.#options
    registrar.records.assigned(task.msgId, engine)
    const { request } = task
    this.#links.send(engine, refresh ? refreshed(session, request) : request.frames)
  }

  #relay(task: Task, engine: string, reply: Envelope): void {
    const { frames } = reply
    this.#in!.send(swapped(frames))
    this.#options.registrar.finished(task.msgId, task.request, 'task', engine, reply, reply.metadata.status)
  }

  #answer(task: Task, engine: string | undefined, error: ErrorContent): void {
    const { session, registrar } = this.#options
    const metadata = engine === undefined ? {} : { status: 'error', engine, date: dateNow() }
    const body = session.pack({
      type: 'apply_reply',
      parentHeader: task.request.headerFrame,
      metadata,
      content: error,
    })
    const prefix = engine === undefined ? [task.client] : [task.client, Buffer.from(engine, 'latin1')]
    this.#in!.send([...prefix, ...body])
    registrar.finished(task.msgId, task.request, 'task', engine, Envelope.cut(body)!, 'error')
  }
}

/** A relayed message goes on with its first two frames, engine and client, exchanged. */
export function swapped(frames: Message): Message {
  const copy = frames.slice()
  copy[0] = frames[1]!
  copy[1] = frames[0]!
  return copy
}

/** What an engine says of the dependency that is not met there. */
function refusalOf(reply: Envelope): string {
  const { evalue } = reply.content
  return typeof evalue === 'string' ? evalue.slice(0, REFUSAL_LENGTH_MAX) : ''
}
