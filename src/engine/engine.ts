import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { assertNever } from '../base/assert.ts'
import { systemClock } from '../base/clock.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { newEngineUuid, SAFE_ID } from '../base/ids.ts'
import type { Logger } from '../base/log.ts'
import { ConnectionError, UsageError } from '../errors.ts'
import { type EngineConnection, resolveInterface } from '../protocol/connection-file.ts'
import type { Json } from '../protocol/envelope.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { BundledModules } from './bundled-modules.ts'
import { CapturedOutput, captureStreams } from './captured-output.ts'
import { installDisplay } from './display.ts'
import { Evaluator, engineRealm } from './evaluator.ts'
import { installInterruptProbe, type MayTear } from './interrupt-probe.ts'
import { IoLink } from './io-link.ts'
import type { ControllerAddress, FromIoThread } from './io-messages.ts'
import { KeptParts } from './kept-parts.ts'
import type { Answer, Answers } from './kernel/answers.ts'
import { History } from './kernel/history.ts'
import { KernelBinding } from './kernel/kernel-binding.ts'
import type { KernelPorts } from './kernel/kernel-sockets.ts'
import { Namespace } from './namespace.ts'
import { engineOperations } from './operations.ts'
import { Shell } from './shell.ts'
import { ShellLink } from './shell-link.ts'
import { readParts } from './shell-requests.ts'
import { RequestMemory } from './state/request-memory.ts'
import { surviveUncaught } from './uncaught.ts'

const CONTROLLER_GONE_MS = 30_000
const LINGER_MS = 300
/** How long an exiting process waits until the io thread has told the hub. */
const GOOD_BYE_MS = 500

export interface EngineOptions {
  readonly connection: EngineConnection
  /** Letters, digits, `_` and `-`. Default: a fresh one. */
  readonly uuid?: string
  /** The number to ask for, such as an MPI rank. */
  readonly id?: number
  readonly log: Logger
  /** Reads the connection file again after the controller was lost: a new one has other ports and another key. */
  readonly readConnection?: () => Promise<EngineConnection>
  /** How long the engine looks for a lost controller before it ends. Default 30,000. */
  readonly controllerGoneMs?: number
  /** Called on each registration: the first, and those with later controllers. */
  readonly onRegistered?: (id: number) => void
  /** Told before each request begins. */
  readonly onRequestBegun?: () => void
  /** Told of each request that fails, before it is answered. */
  readonly onRequestFailed?: (error: unknown) => void
  /** Asked before what runs is interrupted. Default: always. */
  readonly mayInterrupt?: MayTear
  /** A pipe to the program that started this one: at its end the engine ends, at once and whatever it runs. */
  readonly lifelineFd?: number
}

export interface Engine {
  readonly uuid: string
  /** The engine's number; undefined before it is registered. */
  readonly id: number | undefined
  /** Resolves with the exit code when the engine has ended. The process should then exit with it. */
  readonly ended: Promise<number>
  /** Leaves the cluster. */
  stop(): Promise<number>
}

/**
 * Makes this process an engine: it registers with the controller and runs what it is sent, until it is told to end or
 * its controller is gone. The process is the engine's from then on: its global names, its stdout and stderr, and
 * its uncaught errors.
 *
 * @returns when the engine is on its way; `onRegistered` tells when it can be reached.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = new EngineProcess(options, await findController(options.connection))
  engine.start()
  return engine
}

class EngineProcess implements Engine {
  readonly uuid: string
  id: number | undefined
  readonly #options: EngineOptions
  readonly #ended = deferred<number>()
  readonly #io: IoLink
  readonly #namespace: Namespace
  readonly #evaluator: Evaluator
  readonly #output: CapturedOutput
  readonly #shell: Shell
  readonly #kernel: KernelBinding
  readonly #history = new History()
  readonly #kernelBound: Deferred<KernelPorts> = deferred()
  #answers: Promise<Answers> | undefined
  readonly #memory = new RequestMemory()
  #link: ShellLink | undefined
  #linkNumber = 0
  #interruptIsOver: () => void = () => {}

  constructor(options: EngineOptions, address: ControllerAddress) {
    this.#options = options
    this.uuid = options.uuid ?? newEngineUuid()
    if (!SAFE_ID.test(this.uuid))
      throw new UsageError(
        `an engine's uuid holds letters, digits, "_" and "-" only: ${JSON.stringify(this.uuid)}`,
      )
    // Started first: it loads while the rest is made.
    this.#io = new IoLink(
      {
        uuid: this.uuid,
        wantedId: options.id,
        address,
        controllerGoneMs: options.controllerGoneMs ?? CONTROLLER_GONE_MS,
        lifelineFd: options.lifelineFd,
      },
      error => this.#end(70, `the io thread failed: ${error.stack ?? error.message}`),
    )
    installDisplay(() => this.#output)
    this.#namespace = new Namespace()
    this.#evaluator = new Evaluator(this.#namespace)
    const nowMs = (): number => performance.now()
    this.#output = new CapturedOutput(message => this.#io.post(message), this.#io.shared, nowMs)
    this.#kernel = new KernelBinding({
      uuid: this.uuid,
      log: options.log,
      nowMs,
      onRequest: (request, link) => this.#shell.accept(request, link),
      bindIo: (address, key) => {
        this.#io.post({ type: 'bind_kernel', address, key })
        return this.#kernelBound.promise
      },
    })
    const operations = new Map(engineOperations(this.#namespace, () => this.#shell.current)).set(
      'bind_kernel',
      () => this.#kernel.bind(),
    )
    const bundles = new BundledModules(address => this.#evaluator.import(address))
    const parts = new KeptParts(systemClock, digests =>
      this.#output.publish('parts_request', 'parts_request', { digests }, this.#output.scope),
    )
    this.#shell = new Shell({
      uuid: this.uuid,
      evaluator: this.#evaluator,
      realm: {
        ...engineRealm(this.#evaluator, this.#namespace, operations),
        import: address => bundles.import(address),
        bundles,
        withheldParts: parts,
      },
      takeParts: request => {
        const brought = readParts(request)
        for (const part of brought.parts) parts.keep(part)
        parts.refuse(brought.missing)
      },
      output: this.#output,
      shared: this.#io.shared,
      nowMs,
      readInbox: () => this.#io.readUrgent(),
      onBegin: options.onRequestBegun,
      onFailure: error => options.onRequestFailed?.(error),
      history: this.#history,
      answer: (type, content) => this.#answer(type, content),
    })
  }

  get ended(): Promise<number> {
    return this.#ended.promise
  }

  start(): void {
    this.#io.listen(message => this.#onMessage(message))
    this.#interruptIsOver = installInterruptProbe(this.#shell, this.#options.mayInterrupt)
    captureStreams(this.#output)
    surviveUncaught({
      write: text => this.#output.write('stderr', text),
      report: stack => this.#options.log.error('an error of the engine itself', { stack }),
      cleanStack: stack => this.#evaluator.cleanStack(stack),
    })
    hideLoaderWarning()
    process.once('exit', this.#onExit)
  }

  stop(): Promise<number> {
    this.#io.post({ type: 'stop' })
    return this.ended
  }

  #onMessage(message: FromIoThread): void {
    switch (message.type) {
      case 'connect_shell':
        this.#connect(message.link, message.address)
        return
      case 'join_shell':
        if (message.link !== this.#linkNumber) return
        this.id = message.id
        this.#shell.engineId = message.id
        this.#link?.join(message.id)
        return
      case 'registered':
        this.#options.log.info('registered', { id: message.id })
        this.#options.onRegistered?.(message.id)
        return
      case 'read_connection':
        void this.#readConnection()
        return
      case 'ping':
        this.#interruptIsOver()
        this.#io.post({ type: 'pong' })
        return
      case 'abort':
        this.#shell.abort(message.msgIds)
        return
      case 'give_back':
        this.#shell.giveBack(message.signatures)
        return
      case 'kernel_bound':
        this.#kernelBound.resolve(message.ports)
        return
      case 'kernel_refused':
        this.#kernelBound.reject(
          new ConnectionError(`the engine cannot be bound as a kernel: ${message.reason}`),
        )
        return
      case 'clear':
        this.#shell.betweenRequests(() => this.#clear(message.token))
        return
      case 'end':
        this.#end(message.exitCode, message.reason)
        return
      case 'log':
        this.#options.log[message.level](message.message, message.fields)
        return
      default:
        assertNever(message, 'message of the io thread')
    }
  }

  #connect(number: number, address: ControllerAddress): void {
    if (this.#link !== undefined) {
      void this.#link.close(0)
      this.#shell.forgetQueued(this.#link)
      this.#memory.forgetOpen(this.#shell.currentId)
    }
    this.#linkNumber = number
    this.#link = new ShellLink({
      transport: tcpTransport,
      uuid: this.uuid,
      ...address,
      log: this.#options.log,
      nowMs: () => performance.now(),
      memory: this.#memory,
      successor: () => this.#link,
      onRequest: (request, link) => this.#shell.accept(request, link),
      onReady: isReady => this.#io.post({ type: isReady ? 'shell_ready' : 'shell_lost', link: number }),
      onComplete: () => this.#io.post({ type: 'shell_complete', link: number }),
    })
  }

  async #readConnection(): Promise<void> {
    let address: ControllerAddress | undefined
    try {
      const connection = await this.#options.readConnection?.()
      if (connection !== undefined) address = await findController(connection)
    } catch (error) {
      this.#options.log.debug('cannot read the connection file now', { reason: (error as Error).message })
    }
    this.#io.post({ type: 'connection_read', address })
  }

  /** What consoles ask needs the parser, which engines without a console never load. */
  async #answer(type: string, content: Json): Promise<Answer | undefined> {
    this.#answers ??= import('./kernel/answers.ts').then(
      ({ Answers }) => new Answers(this.#namespace, this.#history),
    )
    return (await this.#answers).to(type, content)
  }

  #clear(token: number): void {
    let error: string | undefined
    try {
      this.#namespace.clear()
    } catch (thrown) {
      error = String(thrown)
    }
    this.#io.post({ type: 'cleared', token, error })
  }

  #end(exitCode: number, reason: string): void {
    process.off('exit', this.#onExit)
    if (exitCode === 0) this.#options.log.info(`ended: ${reason}`)
    else this.#options.log.error(`ended: ${reason}`)
    this.#shell.close()
    const closing = [this.#link?.close(LINGER_MS), this.#kernel.close(LINGER_MS), this.#io.close()]
    void Promise.allSettled(closing).then(() => this.#ended.resolve(exitCode))
  }

  /** User code calls `process.exit`: the hub hears of it at once, and with the exit code. */
  readonly #onExit = (exitCode: number): void => {
    this.#io.post({ type: 'exiting', exitCode })
    this.#io.shared.waitForExitHandled(GOOD_BYE_MS)
  }
}

async function findController(connection: EngineConnection): Promise<ControllerAddress> {
  return { connection, base: await resolveInterface(connection) }
}

/** Resolving imports from the working directory is done by an option that Node still warns of. */
function hideLoaderWarning(): void {
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = (warning: unknown, ...rest: unknown[]): void => {
    if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER')) emit(warning, ...rest)
  }
}
