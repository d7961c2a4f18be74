/**
 * A whole cluster in one process, on a clock that it drives itself: the real controller and the real client on sockets
 * of a simulated network, and engines of which only the user code is played. The same seed gives the same run, message
 * by message.
 */

import type { Millis } from '../base/clock.ts'
import type { LogFields, Logger } from '../base/log.ts'
import { type Controller, type ControllerOptions, startController } from '../controller/controller.ts'
import type { ControllerPorts } from '../controller/controller-sockets.ts'
import type { Socket } from '../transport/socket.ts'
import type { EngineView } from './engine-view.ts'
import type { Fate } from './fate.ts'
import { SeededRandom } from './random.ts'
import { Names } from './sighting.ts'
import { SimulatedClient } from './simulated-client.ts'
import { SimulatedClock, SimulatedProcess } from './simulated-clock.ts'
import { SimulatedEngine } from './simulated-engine.ts'
import type { SimulatedLink } from './simulated-link.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { SimulatedRequests } from './simulated-requests.ts'
import { VITAL_CHANNELS, Wiretap } from './wiretap.ts'
import { Witness } from './witness.ts'

export interface SimulatedClusterOptions {
  readonly seed: number
  readonly controller?: ControllerOptions
  /** Keep a line for each message, not only for what goes wrong. */
  readonly trace?: boolean
}

/** What must not be, was. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

const HEARTBEAT_MS = 3000
const HEART_MISSES_MAX = 10
/** Turns of the microtask queue after which nothing more comes of an event. */
const TURNS = 4
/** Events at one moment after which it is taken for one that never ends. */
const STANDING_MAX = 5000

const CLIENT_CHANNELS = [
  'registration',
  'notification',
  'task',
  'mux',
  'control',
  'broadcast',
  'iopub',
] as const

export class SimulatedCluster {
  readonly clock = new SimulatedClock()
  readonly random: SeededRandom
  readonly network: SimulatedNetwork
  readonly names = new Names()
  readonly witness: Witness
  readonly requests: SimulatedRequests
  readonly engines: SimulatedEngine[] = []
  readonly clients: SimulatedClient[] = []
  /** What happened, a line each: with `trace` every message, else only faults. */
  readonly journal: string[] = []
  controller!: Controller
  #observer: Socket | undefined
  readonly #options: SimulatedClusterOptions
  #controllerProcess: SimulatedProcess
  readonly wiretap: Wiretap
  readonly #throws = new Map<string, number>()
  #violation: Violation | undefined
  readonly #validatedTurns = new Map<SimulatedProcess, number>()

  private constructor(options: SimulatedClusterOptions) {
    this.#options = options
    this.random = new SeededRandom(options.seed)
    this.network = new SimulatedNetwork(this.clock, this.random, {
      sent: (link, message) => this.wiretap.sent(link, message),
      delivered: (link, message, again) => this.wiretap.delivered(link, message, again),
      lost: (link, message) => this.wiretap.lost(link, message),
    })
    this.witness = new Witness({
      names: this.names,
      nowMs: () => this.clock.nowMs(),
      isConnected: uuid => this.#isConnected(uuid),
      fail: (what, fate) => this.fail(what, fate),
      heartbeatMs: options.controller?.pingMs ?? HEARTBEAT_MS,
      heartMissesMax: options.controller?.heartMissesMax ?? HEART_MISSES_MAX,
    })
    this.requests = new SimulatedRequests(this.witness, this.names, this.clock)
    this.wiretap = new Wiretap({
      witness: this.witness,
      names: this.names,
      isTraced: options.trace === true,
      note: line => this.note(line),
      fail: (what, fate) => this.fail(what, fate),
    })
    this.#controllerProcess = new SimulatedProcess('controller', this.clock)
  }

  static async start(options: SimulatedClusterOptions): Promise<SimulatedCluster> {
    const cluster = new SimulatedCluster(options)
    cluster.controller = await cluster.#startController()
    const { clientConnection: forClients, engineConnection: forEngines } = cluster.controller
    const { channels } = cluster.wiretap
    for (const name of CLIENT_CHANNELS) channels.set(forClients[name], name)
    channels.set(forEngines.task, 'engineTask').set(forEngines.mux, 'engineMux')
    channels.set(forEngines.control, 'engineControl').set(forEngines.iopub, 'engineIopub')
    channels.set(forEngines.hb_ping, 'hbPing').set(forEngines.hb_pong, 'hbPong')
    channels.set(forEngines.broadcast[0]!, 'engineBroadcast')
    // The witness knows who has left from what is published: somebody must always listen.
    const observer = cluster.network.transport(new SimulatedProcess('observer', cluster.clock)).socket('SUB')
    observer.connect(`tcp://127.0.0.1:${forClients.notification}`)
    observer.subscribe('')
    cluster.#observer = observer
    for (const port of [forEngines.hb_ping, forEngines.iopub, forClients.iopub])
      cluster.network.lossyPorts.add(port)
    return cluster
  }

  /** @param ports - those of the one before, whose place it takes. */
  #startController(ports?: ControllerPorts): Promise<Controller> {
    const process = this.#controllerProcess
    return startController({
      ...this.#options.controller,
      ...(ports !== undefined && { ports }),
      key: 'a key for simulations',
      transport: this.network.transport(process),
      clock: process,
      random: this.random.next,
      log: this.#logOf('controller'),
    })
  }

  // --- who takes part ---

  addEngine(): SimulatedEngine {
    const number = this.engines.length
    const name = `engine ${number}`
    const language = languageOf(number)
    // Ids are random in life; here they only have to be new.
    const uuid = `e${String(number).padStart(7, '0')}-${'0'.repeat(24)}`
    const process = new SimulatedProcess(name, this.clock)
    // One in four is as those of Python.
    const remembers = number % 4 !== 3
    this.names.set(uuid, name)
    this.witness.engines.set(uuid, {
      name,
      uuid,
      language,
      isGone: false,
      wasCut: false,
      remembers,
      lastPingMs: this.clock.nowMs(),
      isDismissed: false,
      wasDismissed: false,
      held: new Set(),
      begun: new Set(),
      givenBack: new Set(),
      lastBegun: new Map(),
    })
    const engine = new SimulatedEngine({
      number,
      uuid,
      remembers,
      language,
      process,
      transport: this.network.transport(process),
      connection: this.controller.engineConnection,
      log: this.#logOf(name),
      throwsOf: program => this.#throws.get(program) ?? 0,
      watch: {
        started: ({ uuid: id }, request) => this.witness.begun(id, request),
        ended: ({ uuid: id }, request, program, how) => {
          if (how === 'thrown') this.#throws.set(program.name, (this.#throws.get(program.name) ?? 0) + 1)
          const run = this.witness.fateOf(request.header.msg_id)?.runs.findLast(({ engine: at }) => at === id)
          if (run !== undefined) run.how = how
        },
        killed: dying => this.kill(dying),
      },
    })
    this.engines.push(engine)
    engine.start()
    return engine
  }

  addClient(lostPatienceMs: Millis = 5000): SimulatedClient {
    const number = this.clients.length
    const name = `client ${number}`
    const process = new SimulatedProcess(name, this.clock)
    const client = new SimulatedClient({
      number,
      process,
      transport: this.network.transport(process),
      connection: this.controller.clientConnection,
      log: this.#logOf(name),
      lostPatienceMs,
    })
    this.clients.push(client)
    client.start()
    return client
  }

  viewOf(engine: SimulatedEngine): EngineView {
    return this.witness.engines.get(engine.uuid)!
  }

  /** Engines that live and are not about to end. */
  get liveEngines(): SimulatedEngine[] {
    return this.engines.filter(engine => engine.process.isAlive && !this.viewOf(engine).isGone)
  }

  // --- what happens to them ---

  kill(engine: SimulatedEngine): void {
    this.note(`engine ${engine.number} is killed`)
    this.viewOf(engine).isGone = true
    this.network.killed(engine.process)
  }

  leave(engine: SimulatedEngine): void {
    this.note(`engine ${engine.number} leaves`)
    this.viewOf(engine).isGone = true
    engine.leave()
  }

  /** The controller dies with all that it had in hand, and another one takes its place a while later. */
  restartController(pauseMs: Millis): void {
    this.note(`the controller is killed, and started again ${pauseMs} ms later`)
    const ports = portsOf(this.controller)
    this.network.killed(this.#controllerProcess)
    this.#blur()
    this.clock.after(pauseMs, () => {
      this.#controllerProcess = new SimulatedProcess('controller', this.clock)
      void this.#startController(ports).then(controller => {
        this.controller = controller
        this.#blur()
      })
    })
  }

  /** For a while the witness cannot know who has what. */
  #blur(): void {
    for (const client of this.clients) for (const channel of CLIENT_CHANNELS) client.cuts.add(channel)
    this.wiretap.forgetBytes()
    this.witness.restarted()
  }

  killClient(client: SimulatedClient): void {
    this.note(`client ${client.number} is killed`)
    this.network.killed(client.process)
  }

  /** Breaks one connection of an engine, or all. */
  cut(engine: SimulatedEngine, links: readonly SimulatedLink[], noticeMsMax: Millis): void {
    this.witness.cut(this.viewOf(engine))
    for (const link of links) {
      this.note(`engine ${engine.number} loses its connection to ${this.wiretap.channelOf(link)}`)
      link.break(noticeMsMax)
    }
  }

  /** Breaks one connection of a client, or all. */
  cutClient(client: SimulatedClient, links: readonly SimulatedLink[], noticeMsMax: Millis): void {
    for (const link of links) {
      client.cuts.add(this.wiretap.channelOf(link))
      this.note(`client ${client.number} loses its connection to ${this.wiretap.channelOf(link)}`)
      link.break(noticeMsMax)
    }
  }

  #isConnected(uuid: string): boolean {
    const engine = this.engines.find(each => each.uuid === uuid)!
    const open = this.network.connectionsOf(engine.process).filter(({ other }) => other.isOpen)
    const channels = open.map(link => this.wiretap.channelOf(link))
    return VITAL_CHANNELS.every(channel => channels.includes(channel))
  }

  // --- time ---

  /** Lets time go on. @throws Violation for what must not be. */
  async run(spanMs: Millis, until: () => boolean = () => false): Promise<void> {
    const endMs = this.clock.nowMs() + spanMs
    let lastMs = -1
    let standing = 0
    do {
      standing = this.clock.nowMs() === lastMs ? standing + 1 : 0
      lastMs = this.clock.nowMs()
      if (standing > STANDING_MAX) this.fail('time stands still: somebody wakes up again and again')
      for (let turn = 0; turn < TURNS; turn++) await undefined
      this.validate()
      if (until()) return
    } while (this.clock.step(endMs))
  }

  /** @throws InvariantError when a machine contradicts itself, Violation for what must not be. */
  validate(): void {
    this.#validateIfRun(this.#controllerProcess, this.controller)
    for (const { process, dispatcher } of this.clients) this.#validateIfRun(process, dispatcher)
    if (this.#violation !== undefined) throw this.#violation
  }

  #validateIfRun(process: SimulatedProcess, part: { validate(): void }): void {
    if (this.#validatedTurns.get(process) === process.turns) return
    this.#validatedTurns.set(process, process.turns)
    part.validate()
  }

  /** Stops everything. @throws Violation when something is left. */
  async close(): Promise<void> {
    const closed = Promise.all([
      this.#observer?.close(0),
      ...this.clients.map(client => client.process.isAlive && client.dispatcher.close()),
      ...this.engines.map(engine => this.leave(engine)),
    ])
    await this.run(1000)
    await closed
    const stopped = this.controller.stop()
    await this.run(1000)
    await stopped
    await this.run(1000)
    if (this.network.linkCount > 0) this.fail(`${this.network.linkCount} connections are left`)
    if (this.clock.timerCount > 0) this.fail(`${this.clock.timerCount} timers are left`)
    this.validate()
  }

  // --- what is said about it ---

  note(line: string): void {
    this.journal.push(`${this.clock.nowMs().toFixed(2).padStart(9)}  ${line}`)
  }

  /** The first thing that must not be is thrown at the end of the step in which it happened. */
  fail(what: string, fate?: Fate): void {
    if (this.#violation !== undefined) return
    const lines = [what]
    if (fate !== undefined) {
      const { name, wish, record, runs } = fate
      const told = record === undefined ? [] : this.controller.story(record.msgId)
      lines.push(
        `  task ${name}: ${this.names.within(JSON.stringify({ ...wish, program: { ...wish.program } }))}`,
        ...told.map(line => `  ${this.names.within(line)}`),
        ...runs.map(
          run => `  ran on ${this.names.of(run.engine)} at ${run.startedMs.toFixed(2)}: ${run.how}`,
        ),
      )
    }
    this.#violation = new Violation(lines.join('\n'))
    this.note(`VIOLATION: ${what}`)
  }

  #logOf(name: string): Logger {
    const say = (level: string) => (message: string, fields?: LogFields) => {
      if (this.#options.trace && level !== 'info' && level !== 'debug')
        this.note(`${name} ${level}: ${this.names.within(message)}`)
      if (level !== 'error') return
      const error = fields?.error
      const detail = error instanceof Error ? `: ${error.stack ?? error.message}` : ''
      this.fail(`${name} logged an error: ${message}${detail}`)
    }
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  }
}

/** Two engines of one language, two of the other, and so on. */
function languageOf(number: number): string {
  return number % 4 < 2 ? 'javascript' : 'python'
}

/** The ports of a controller, for the one that takes its place. */
function portsOf({ clientConnection, engineConnection }: Controller): ControllerPorts {
  const { control, mux, task, iopub, hb_ping: hbPing, hb_pong: hbPong, broadcast } = engineConnection
  const ports: Record<string, number> = {}
  for (const name of CLIENT_CHANNELS) ports[name] = clientConnection[name]
  return {
    ...ports,
    engineControl: control,
    engineMux: mux,
    engineTask: task,
    engineIopub: iopub,
    engineBroadcast: broadcast[0]!,
    hbPing,
    hbPong,
  }
}
