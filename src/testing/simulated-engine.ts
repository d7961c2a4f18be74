import { AbortedIds } from '../base/aborted-ids.ts'
import { Alarm } from '../base/alarm.ts'
import { assertNever } from '../base/assert.ts'
import type { Millis } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { BEGUN_TASKS_SLOTS, BegunTasks } from '../engine/begun-tasks.ts'
import { handleControl } from '../engine/control.ts'
import { ControllerLink } from '../engine/controller-link.ts'
import { replyMetadata } from '../engine/reply.ts'
import { ShellLink } from '../engine/shell-link.ts'
import type { RequestLink } from '../engine/shell-replies.ts'
import { fromBalancedScheduler } from '../engine/shell-requests.ts'
import { EngineLife, type LifeEffect, type LifeEvent } from '../engine/state/engine-life.ts'
import { RequestMemory } from '../engine/state/request-memory.ts'
import type { MessageType, ReplyStatus } from '../protocol/catalogue.ts'
import type { EngineConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { dateNow } from '../protocol/session.ts'
import { packValue } from '../serialize/payload.ts'
import type { Frame, Transport } from '../transport/socket.ts'
import { type Program, readProgram, valueFor } from './program.ts'
import type { SimulatedProcess } from './simulated-clock.ts'

const BASE = 'tcp://127.0.0.1'

/** What a simulated engine tells of what it does. */
export interface EngineWatch {
  started(engine: SimulatedEngine, request: Envelope, program: Program): void
  ended(
    engine: SimulatedEngine,
    request: Envelope,
    program: Program,
    how: 'done' | 'thrown' | 'refused',
  ): void
  /** A program kills the process. */
  killed(engine: SimulatedEngine, request: Envelope): void
}

export interface SimulatedEngineOptions {
  readonly number: number
  readonly uuid: string
  /** It remembers its requests, and does not run again what comes again; and it can give tasks back. */
  readonly remembers: boolean
  readonly language: string
  readonly process: SimulatedProcess
  readonly transport: Transport
  readonly connection: EngineConnection
  readonly log: Logger
  readonly watch: EngineWatch
  /** How often a program has thrown so far. */
  readonly throwsOf: (name: string) => number
}

interface Job {
  readonly request: Envelope
  readonly link: RequestLink
}

/**
 * An engine whose life, sockets, control and signatures are the real ones. Only what runs user code is played: the
 * requests of `program.ts`, one at a time, in the order in which they came.
 */
export class SimulatedEngine {
  readonly number: number
  readonly uuid: string
  readonly process: SimulatedProcess
  readonly #options: SimulatedEngineOptions
  readonly #life = new EngineLife({ goneMs: 30_000, answerMs: 1000, retryMs: 500 })
  readonly #alarm: Alarm
  readonly #aborted = new AbortedIds()
  readonly #begun = new BegunTasks(new Int32Array(BEGUN_TASKS_SLOTS))
  readonly #givenBack = new AbortedIds()
  readonly #memory = new RequestMemory()
  readonly #queue: Job[] = []
  #current: Job | undefined
  #cancelCurrent: () => void = () => {}
  #link: ControllerLink | undefined
  #shell: ShellLink | undefined
  #exitCode: number | undefined

  constructor(options: SimulatedEngineOptions) {
    this.number = options.number
    this.uuid = options.uuid
    this.process = options.process
    this.#options = options
    this.#alarm = new Alarm(options.process, () => this.#happened({ type: 'tick' }))
  }

  /** The number that the hub gave it. */
  get id(): number | undefined {
    return this.#life.id
  }

  get isRegistered(): boolean {
    return this.#life.state === 'alive'
  }

  /** It ended by itself. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  get isIdle(): boolean {
    return this.#current === undefined && this.#queue.length === 0
  }

  start(): void {
    this.#happened({ type: 'started' })
  }

  /** Leaves in good order. */
  leave(): void {
    this.process.run(() => this.#happened({ type: 'stop_requested' }))
  }

  // --- the life of an engine ---

  #happened(event: LifeEvent): void {
    for (const effect of this.#life.handle(event, this.process.nowMs())) this.#perform(effect)
    this.#alarm.set(this.#life.wakeAtMs)
  }

  #perform(effect: LifeEffect): void {
    switch (effect.type) {
      case 'connect':
        this.#connect()
        return
      case 'disconnect':
        this.#disconnect()
        return
      case 'register': {
        const { id } = this.#life
        const { uuid, language, remembers } = this.#options
        this.#tellHub('registration_request', {
          uuid,
          language,
          remembers,
          recalls: remembers,
          ...(id !== undefined && { id }),
        })
        return
      }
      case 'join':
        this.#shell?.join(effect.id)
        return
      case 'start_heart':
        this.#link?.startHeart()
        return
      case 'read_connection':
        // A file takes its time.
        this.process.after(1, () => this.#happened({ type: 'connection_read', changed: false }))
        return
      case 'unregister':
        this.#tellHub('unregistration_request', { id: effect.id, uuid: this.uuid })
        return
      case 'warn':
        return
      case 'end':
        this.#end(effect.exitCode)
        return
      default:
        assertNever(effect, 'effect of an engine')
    }
  }

  #connect(): void {
    this.#disconnect()
    const { transport, connection, log, process, uuid } = this.#options
    // What has not begun is forgotten: nobody at the other end waits for it from here.
    this.#queue.length = 0
    this.#givenBack.clear()
    this.#memory.forgetOpen(this.#current?.request.header.msg_id)
    this.#link = new ControllerLink(transport, connection, BASE, uuid, {
      registration: frames => this.#onRegistration(frames),
      registrationPeer: event =>
        this.#happened(
          event.type === 'peer_joined'
            ? { type: 'registration_open' }
            : { type: 'registration_closed', cause: event.cause ?? 'closed' },
        ),
      control: frames => this.#onControl(frames),
      ping: () => this.#happened({ type: 'ping' }),
      heartBack: () => this.#happened({ type: 'heart_back' }),
    })
    const shell: ShellLink = new ShellLink({
      transport,
      uuid,
      memory: this.#memory,
      successor: () => this.#shell,
      connection,
      base: BASE,
      log,
      nowMs: () => process.nowMs(),
      onRequest: (request, link) => this.#accept({ request, link }),
      onReady: isReady => this.#shellSays(shell, isReady ? 'shell_ready' : 'shell_lost'),
      onComplete: () => this.#shellSays(shell, 'shell_complete'),
    })
    this.#shell = shell
  }

  #shellSays(shell: ShellLink, type: 'shell_ready' | 'shell_lost' | 'shell_complete'): void {
    // From one thread to the other: never at once.
    this.process.after(0.01, () => {
      if (this.#shell === shell) this.#happened({ type })
    })
  }

  #disconnect(): void {
    void this.#link?.close(0)
    void this.#shell?.close(0)
    this.#link = undefined
    this.#shell = undefined
  }

  #end(exitCode: number): void {
    this.#exitCode = exitCode
    this.#alarm.close()
    this.#cancelCurrent()
    this.#queue.length = 0
    this.#current = undefined
    this.#disconnect()
  }

  #tellHub(type: MessageType, content: object): void {
    const link = this.#link
    link?.registration.send(link.session.pack({ type, content }))
  }

  #onRegistration(frames: readonly Frame[]): void {
    const message = this.#link?.session.open(frames)
    if (message === undefined || typeof message === 'string') return
    const { content } = message
    if (content.status === 'ok')
      this.#happened({ type: 'accepted', id: Number(content.id), heartPeriodMs: Number(content.hb_period) })
    else this.#happened({ type: 'refused', ename: String(content.ename), evalue: String(content.evalue) })
  }

  #onControl(frames: readonly Frame[]): void {
    const link = this.#link
    const request = link?.session.open(frames)
    if (link === undefined || request === undefined || typeof request === 'string') return
    const reply = (type: MessageType, content: object): void => {
      const metadata = { engine: this.uuid }
      const body = link.session.pack({ type, content, metadata, parentHeader: request.headerFrame })
      link.control.send([...request.prefix, ...body])
    }
    handleControl(
      request,
      {
        abort: msgIds => this.#aborted.add(msgIds),
        giveBack: asked => this.#begun.giveBack(asked, signatures => this.#givenBack.add(signatures)),
        clear: done => done(undefined),
        interrupt: () => {},
        shutdown: restart => {
          const content = { status: 'ok', restart }
          reply('shutdown_reply', content)
          this.#publish('shutdown_reply', 'shutdown', content, request)
          this.#happened({ type: 'shutdown_requested' })
        },
      },
      reply,
    )
  }

  #publish(type: MessageType, topic: string, content: object, parent: Envelope): void {
    const link = this.#link
    if (link === undefined) return
    const body = link.session.pack({ type, content, parentHeader: parent.headerFrame })
    link.output.send([Buffer.from(`engine.${this.id}.${topic}`), ...body])
  }

  // --- requests ---

  #accept(job: Job): void {
    this.#queue.push(job)
    // Requests never run on the stack of a socket.
    if (this.#queue.length === 1 && this.#current === undefined) this.process.after(0.01, () => this.#next())
  }

  #next(): void {
    if (this.#current !== undefined) return
    const job = this.#queue.shift()
    if (job === undefined) return
    const { request } = job
    if (this.#isTakenBack(request)) {
      this.#next()
      return
    }
    this.#current = job
    if (this.#aborted.take(request.header.msg_id)) {
      this.#reply(job, 'aborted', 0, { status: 'aborted' }, [])
      return
    }
    const program = readProgram(request.buffers[0]!)
    this.#options.watch.started(this, request, program)
    const startedMs = this.process.nowMs()
    if (program.end.type === 'kill') {
      this.#cancelCurrent = this.process.after(program.runMs, () => this.#options.watch.killed(this, request))
      return
    }
    this.#cancelCurrent = this.process.after(program.runMs, () =>
      this.#finish(job, program, this.process.nowMs() - startedMs),
    )
  }

  /** As the real one: a task is begun before it is looked up among those that were given back. */
  #isTakenBack(request: Envelope): boolean {
    if (!fromBalancedScheduler(request)) return false
    this.#begun.enter(request.signature)
    return this.#givenBack.take(request.signature.toString('latin1'))
  }

  #finish(job: Job, program: Program, ranMs: Millis): void {
    const { request } = job
    const { watch, throwsOf } = this.#options
    for (let line = 0; line < program.prints; line++)
      this.#publish('stream', 'stdout', { name: 'stdout', text: `line ${line}\n` }, request)
    const { end, name } = program
    if (end.type === 'throw' && throwsOf(name) < end.times) {
      watch.ended(this, request, program, 'thrown')
      this.#reply(job, 'error', ranMs, failure('Error', `${name} threw`), [])
    } else if (end.type === 'refuse' && (end.every === 0 || this.number % end.every !== 0)) {
      watch.ended(this, request, program, 'refused')
      this.#reply(job, 'error', ranMs, failure('UnmetDependency', ''), [], false)
    } else {
      watch.ended(this, request, program, 'done')
      const value = packValue(valueFor(name, this.uuid))
      this.#reply(job, 'ok', ranMs, { status: 'ok' }, value, true, program.prints)
    }
  }

  #reply(
    job: Job,
    status: ReplyStatus,
    ranMs: Millis,
    content: object,
    buffers: Frame[],
    dependenciesMet = true,
    outputs = 0,
  ): void {
    const { request, link } = job
    const metadata = replyMetadata(
      request.metadata,
      { uuid: this.uuid, id: this.id ?? -1 },
      { status, started: dateNow(), dependenciesMet, ranMs, outputs },
    )
    const body = link.session.pack({
      type: 'apply_reply',
      parentHeader: request.headerFrame,
      metadata,
      content,
      buffers,
    })
    link.reply(request, body)
    this.#current = undefined
    if (this.#queue.length > 0) this.process.after(0.01, () => this.#next())
  }
}

function failure(ename: string, evalue: string): object {
  return { status: 'error', ename, evalue, traceback: [], engine_info: {} }
}
