/**
 * Entry of the worker thread that keeps an engine reachable while user code blocks the main thread: registration,
 * heartbeat, control, output, interrupts, and the watch on the program that started the engine.
 */

import { writeSync } from 'node:fs'
import process from 'node:process'
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Alarm } from '../base/alarm.ts'
import { systemClock } from '../base/clock.ts'
import { type Logger, RateLimitedWarnings } from '../base/log.ts'
import type { DeathCause, MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Session } from '../protocol/session.ts'
import type { Frame, Socket } from '../transport/socket.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { handleControl } from './control.ts'
import { ControllerLink } from './controller-link.ts'
import { signalDescendants } from './descendants.ts'
import { Interrupter } from './interrupter.ts'
import type { ControllerAddress, FromIoThread, IoThreadData, ToIoThread } from './io-messages.ts'
import { KernelSockets } from './kernel/kernel-sockets.ts'
import { aboutEngine } from './kernel-info.ts'
import { watchLifeline } from './lifeline.ts'
import { OutputPublisher } from './output-publisher.ts'
import { SharedState } from './shared-state.ts'
import { EngineLife, type LifeEffect, type LifeEvent } from './state/engine-life.ts'

const ANSWER_MS = 5000
const RETRY_MS = 500
/** How long the main thread may take to end by itself before the process is killed. */
const GRACE_MS = 1500
/** How long last words may take. */
const LINGER_MS = 300

class IoThread {
  readonly #data: IoThreadData
  readonly #shared: SharedState
  readonly #life: EngineLife
  readonly #alarm = new Alarm(systemClock, () => this.#handle({ type: 'tick' }))
  readonly #publisher: OutputPublisher
  readonly #interrupter: Interrupter
  readonly #warnings: RateLimitedWarnings
  readonly #clears = new Map<number, (error: string | undefined) => void>()
  #address: ControllerAddress
  #link: ControllerLink | undefined
  #kernel: KernelSockets | undefined
  #linkNumber = 0
  #messages = 0
  #tokens = 0
  #closeLifeline: (() => void) | undefined
  #shutdownCause: DeathCause | undefined

  constructor(data: IoThreadData) {
    this.#data = data
    this.#address = data.address
    this.#shared = new SharedState(data.shared)
    this.#life = new EngineLife({ goneMs: data.controllerGoneMs, answerMs: ANSWER_MS, retryMs: RETRY_MS })
    this.#publisher = new OutputPublisher(data.uuid, this.#shared, systemClock, () => this.#readInbox())
    this.#interrupter = new Interrupter(systemClock, this.#shared, () => this.#post({ type: 'ping' }))
    const log = (level: 'info' | 'warn' | 'error') => (message: string, fields?: object) =>
      this.#post({
        type: 'log',
        level,
        message,
        ...(fields !== undefined && { fields: fields as Record<string, unknown> }),
      })
    const logger: Logger = { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') }
    this.#warnings = new RateLimitedWarnings(logger, systemClock.nowMs)
  }

  start(): void {
    this.#data.port.on('message', (message: ToIoThread) => this.#onMessage(message))
    if (this.#data.lifelineFd !== undefined)
      this.#closeLifeline = watchLifeline(this.#data.lifelineFd, () =>
        this.#handle({ type: 'lifeline_closed' }),
      )
    this.#handle({ type: 'started' })
  }

  // The life of the engine.

  #handle(event: LifeEvent): void {
    for (const effect of this.#life.handle(event, systemClock.nowMs())) this.#perform(effect)
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
      case 'register':
        this.#register()
        return
      case 'join':
        this.#publisher.engineId = effect.id
        this.#post({ type: 'join_shell', link: this.#linkNumber, id: effect.id })
        return
      case 'start_heart':
        this.#publisher.publish('status', 'status', { execution_state: 'starting' }, undefined)
        this.#link?.startHeart()
        this.#post({ type: 'registered', id: effect.id })
        return
      case 'read_connection':
        this.#post({ type: 'read_connection' })
        return
      case 'unregister':
        this.#unregister(effect.id, this.#shutdownCause)
        return
      case 'warn':
        this.#warnings.warn(effect.message)
        return
      case 'end':
        void this.#end(effect.exitCode, effect.reason)
    }
  }

  #disconnect(): void {
    void this.#link?.close(0)
    this.#link = undefined
    this.#publisher.link = undefined
    // What the shell says of its old connections concerns nobody any more.
    this.#linkNumber += 1
  }

  #connect(): void {
    this.#disconnect()
    const { connection, base } = this.#address
    const link = new ControllerLink(tcpTransport, connection, base, this.#data.uuid, {
      registration: frames => this.#onRegistration(frames),
      registrationPeer: event =>
        this.#handle(
          event.type === 'peer_joined'
            ? { type: 'registration_open' }
            : { type: 'registration_closed', cause: event.cause ?? 'closed' },
        ),
      control: frames => this.#onControl(frames, link.session, link.control),
      ping: () => this.#handle({ type: 'ping' }),
      heartBack: () => this.#handle({ type: 'heart_back' }),
    })
    this.#link = link
    this.#publisher.link = { session: link.session, socket: link.output }
    this.#post({ type: 'connect_shell', link: this.#linkNumber, address: this.#address })
  }

  #register(): void {
    const { uuid, wantedId } = this.#data
    const id = this.#life.id ?? wantedId
    this.#sendRegistration('registration_request', {
      uuid,
      ...aboutEngine(),
      recalls: true,
      remembers: true,
      ...(id !== undefined && { id }),
    })
  }

  #unregister(id: number, cause: DeathCause | undefined): void {
    const { uuid } = this.#data
    this.#sendRegistration('unregistration_request', { id, uuid, ...(cause !== undefined && { cause }) })
  }

  #sendRegistration(type: MessageType, content: object): void {
    const link = this.#link
    link?.registration.send(link.session.pack({ type, content, msgId: this.#nextMessageId() }))
  }

  #nextMessageId(): string {
    this.#messages += 1
    return `${this.#data.uuid}_io_${this.#messages}`
  }

  #onRegistration(frames: readonly Frame[]): void {
    this.#read(frames, this.#link?.session, 'registration', message => {
      if (message.header.msg_type !== 'registration_reply') return
      const { content } = message
      if (content.status === 'ok' && Number.isInteger(content.id)) {
        const heartPeriodMs = typeof content.hb_period === 'number' ? content.hb_period : 3000
        this.#handle({ type: 'accepted', id: Number(content.id), heartPeriodMs })
        return
      }
      this.#handle({
        type: 'refused',
        ename: String(content.ename ?? 'Error'),
        evalue: String(content.evalue ?? ''),
      })
    })
  }

  /** Opens a message and hands it on; what makes no sense is logged, within bounds, and dropped. */
  #read(
    frames: readonly Frame[],
    session: Session | undefined,
    where: string,
    handle: (message: Envelope) => void,
  ): void {
    const message = session?.open(frames)
    if (message === undefined) return
    if (typeof message === 'string') {
      this.#warnings.warn(`dropped a ${message} message on ${where}`)
      return
    }
    try {
      handle(message)
    } catch (error) {
      this.#warnings.warn(`dropped a message on ${where}`, { reason: (error as Error).message })
    }
  }

  // Control.

  /** From the controller, or from a client of the kernel that this engine is as well. */
  #onControl(frames: readonly Frame[], session: Session, socket: Socket): void {
    this.#read(frames, session, 'control', request => {
      const reply = (type: MessageType, content: object): void => {
        const packed = session.pack({
          type,
          content,
          metadata: { engine: this.#data.uuid },
          parentHeader: request.headerFrame,
          msgId: this.#nextMessageId(),
        })
        socket.send([...request.prefix, ...packed])
      }
      handleControl(
        request,
        {
          abort: (msgIds, interrupt) => {
            this.#postUrgent({ type: 'abort', msgIds })
            if (interrupt) void this.#interrupter.interrupt(msgIds)
          },
          giveBack: asked =>
            this.#shared.begunTasks.giveBack(asked, signatures =>
              this.#postUrgent({ type: 'give_back', signatures }),
            ),
          clear: done => this.#clear(done),
          interrupt: () => void this.#interrupter.interrupt(),
          shutdown: restart => {
            const content = { status: 'ok', restart }
            reply('shutdown_reply', content)
            this.#publisher.publish('shutdown_reply', 'shutdown', content, request.headerFrame)
            this.#tellLauncher({ type: 'leaving', restart })
            this.#shutdownCause = { reason: 'it was shut down', shutdown: restart ? 'restart' : 'stop' }
            this.#handle({ type: 'shutdown_requested' })
          },
        },
        reply,
      )
    })
  }

  /** So that whoever started this engine does not take its end for a death. */
  #tellLauncher(event: object): void {
    if (this.#data.lifelineFd === undefined) return
    try {
      writeSync(this.#data.lifelineFd, `${JSON.stringify(event)}\n`)
    } catch {
      // Nobody listens: then nobody will mistake it either.
    }
  }

  #clear(done: (error: string | undefined) => void): void {
    this.#tokens += 1
    this.#clears.set(this.#tokens, done)
    this.#post({ type: 'clear', token: this.#tokens })
  }

  // The main thread.

  #post(message: FromIoThread): void {
    this.#data.port.postMessage(message)
  }

  /** For what the main thread must heed before it starts its next request, though it may not reach its event loop. */
  #postUrgent(message: FromIoThread): void {
    this.#post(message)
    this.#shared.announceInbox()
  }

  #readInbox(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#data.port) as { message: ToIoThread } | undefined
      if (received === undefined) return
      this.#onMessage(received.message)
    }
  }

  #onMessage(message: ToIoThread): void {
    switch (message.type) {
      case 'shell_ready':
      case 'shell_lost':
      case 'shell_complete':
        if (message.link === this.#linkNumber) this.#handle({ type: message.type })
        return
      case 'connection_read':
        this.#onConnectionRead(message.address)
        return
      case 'stream':
        this.#publisher.addText(message)
        return
      case 'publish':
        this.#publisher.publish(message.messageType, message.topic, message.content, message.parent)
        return
      case 'flush':
        this.#publisher.flush()
        return
      case 'cleared':
        this.#clears.get(message.token)?.(message.error)
        this.#clears.delete(message.token)
        return
      case 'pong':
        this.#interrupter.pong()
        return
      case 'bind_kernel':
        void this.#bindKernel(message.address, message.key)
        return
      case 'stop':
        this.#handle({ type: 'stop_requested' })
        return
      case 'exiting':
        void this.#sayGoodBye(message.exitCode)
    }
  }

  #onConnectionRead(address: ControllerAddress | undefined): void {
    const changed = address !== undefined && JSON.stringify(address) !== JSON.stringify(this.#address)
    if (changed) this.#address = address
    this.#handle({ type: 'connection_read', changed })
  }

  // Jupyter's clients.

  async #bindKernel(address: string, key: string): Promise<void> {
    const kernel = new KernelSockets(tcpTransport, key, this.#data.uuid, frames =>
      this.#onControl(frames, kernel.session, kernel.control),
    )
    try {
      const ports = await kernel.bind(address)
      this.#kernel = kernel
      this.#publisher.kernel = { session: kernel.session, socket: kernel.output }
      this.#post({ type: 'kernel_bound', ports })
    } catch (error) {
      await kernel.close(0)
      this.#post({ type: 'kernel_refused', reason: (error as Error).message })
    }
  }

  // The end.

  async #end(exitCode: number, reason: string): Promise<void> {
    this.#alarm.close()
    this.#closeLifeline?.()
    // Kills even a main thread that never comes back to its event loop.
    setTimeout(() => {
      signalDescendants('SIGKILL')
      process.kill(process.pid, 'SIGKILL')
    }, GRACE_MS)
    this.#publisher.flush()
    await Promise.all([this.#link?.close(LINGER_MS), this.#kernel?.close(LINGER_MS)])
    this.#post({ type: 'end', exitCode, reason })
  }

  /** The main thread runs `process.exit` and waits for this. */
  async #sayGoodBye(exitCode: number): Promise<void> {
    this.#alarm.close()
    this.#publisher.flush()
    const { id, state } = this.#life
    if (id !== undefined && state === 'alive')
      this.#unregister(id, { exit_code: exitCode, reason: `process.exit(${exitCode})` })
    await Promise.all([this.#link?.close(LINGER_MS), this.#kernel?.close(LINGER_MS)])
    this.#shared.setExitHandled()
  }
}

new IoThread(workerData as IoThreadData).start()
