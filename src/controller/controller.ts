import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, systemClock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { type Logger, RateLimitedWarnings, silentLogger } from '../base/log.ts'
import { ConfigurationError } from '../errors.ts'
import type { ConnectionInfo } from '../protocol/catalogue.ts'
import type { ClientConnection, EngineConnection } from '../protocol/connection-file.ts'
import { Envelope } from '../protocol/envelope.ts'
import { dateNow, Session } from '../protocol/session.ts'
import type { Frame, PeerEvent, Socket, Transport } from '../transport/socket.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { BroadcastShell } from './broadcast-shell.ts'
import { ControlShell } from './control-shell.ts'
import {
  type ControllerPorts,
  type ControllerSockets,
  type Handler,
  type Handlers,
  openControllerSockets,
  type PortName,
} from './controller-sockets.ts'
import { DirectShell } from './direct-shell.ts'
import { type HubOrders, HubShell } from './hub-shell.ts'
import type { Intake } from './incoming.ts'
import { IopubShell } from './iopub-shell.ts'
import { MemoryStore, type RecordStore } from './records/record-store.ts'
import { Registrar } from './registrar.ts'
import { AbsentClients } from './state/absent-clients.ts'
import { Broadcast } from './state/broadcast.ts'
import { Direct } from './state/direct.ts'
import { HeartMonitor } from './state/heart-monitor.ts'
import { Hub, type HubEffect } from './state/hub.ts'
import { HubQueries } from './state/hub-queries.ts'
import { isPlacementScheme, type PlacementScheme, type Random } from './state/placement.ts'
import type { RequestParts } from './state/record-questions.ts'
import { TaskQueue } from './state/task-queue.ts'
import { TrailingOutputs } from './state/trailing-outputs.ts'
import { TaskShell } from './task-shell.ts'

export interface ControllerOptions {
  /** Address to listen on; `*` or `0.0.0.0` for every one of this machine. Default `127.0.0.1`. */
  readonly ip?: string
  /** Where peers on other machines find this one. Default: its host name. */
  readonly location?: string
  /** HMAC key of the cluster; empty: messages are not signed. Default: a fresh one. */
  readonly key?: string
  readonly ports?: ControllerPorts
  /** Time between two heartbeats. Default 3000. */
  readonly pingMs?: number
  /** Heartbeats in a row that an engine may miss. Default 10. */
  readonly heartMissesMax?: number
  /** How long an engine that registered may take to answer its first ping. Default: the original's, at least 30 s. */
  readonly registrationTimeoutMs?: number
  /** How the balanced scheduler chooses an engine. Default `leastload`. */
  readonly scheme?: PlacementScheme
  /** Most tasks an engine may hold; 0: no limit; `auto`: about 5 ms of work, by the run times it reports. */
  readonly hwm?: number | 'auto'
  readonly transport?: Transport
  readonly clock?: Clock
  readonly log?: Logger
  /** Where is remembered what ran; closed with the controller. Default: in memory, 1024 requests, 256 MiB of buffers. */
  readonly records?: RecordStore
  /** How long a lost connection of an engine may take to come back before the engine counts as dead. Default 500. */
  readonly linkGraceMs?: number
  /** Where the schemes that draw lots get theirs. Default `Math.random`. */
  readonly random?: Random
}

/** A running controller: hub and schedulers. */
export interface Controller {
  /** What belongs into `ipcontroller-client.json`. */
  readonly clientConnection: ClientConnection
  /** What belongs into `ipcontroller-engine.json`. */
  readonly engineConnection: EngineConnection
  /** Resolves when it has stopped, by `stop` or because a client asked for it. */
  readonly stopped: Promise<void>
  /** Sends what is queued, then closes every socket. */
  stop(): Promise<void>
  /** What the schedulers still owe somebody: tasks, direct requests, and broadcasts that are to be answered as one. */
  readonly outstandingCount: number
  /** What is still known of the life of a request or task, oldest first. */
  story(msgId: string): string[]
  /** @throws InvariantError when one of its machines contradicts itself. */
  validate(): void
}

/** Peers must have the reply to their shutdown request before the sockets close. */
const SHUTDOWN_DELAY_MS = 200

/**
 * Starts a controller in this process. It listens when the promise resolves, and writes no files.
 *
 * @throws ConfigurationError for an option that makes no sense.
 * @throws ConnectionError when a port is in use.
 *
 * @example
 * const controller = await startController({ ip: '127.0.0.1' })
 * // … hand controller.clientConnection to clients and controller.engineConnection to engines …
 * await controller.stop()
 */
export async function startController(options: ControllerOptions = {}): Promise<Controller> {
  checkOptions(options)
  const { ip = '127.0.0.1', location = hostname(), key = newKey(), transport = tcpTransport } = options
  let parts: Parts | undefined
  const opened = await openControllerSockets(transport, ip, options.ports ?? {}, sockets => {
    // The hub tells engines the ports, which are known once the sockets are bound: before that nobody can ask.
    parts = new Parts(
      options,
      key,
      () => connectionInfo(ip, opened.ports),
      () => void stop(),
    )
    return parts.attach(sockets)
  })
  const stopped = deferred<void>()
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= closeAll(parts!, opened).finally(() => stopped.resolve())
    return stopping
  }
  parts!.listening()
  return {
    ...connections(ip, location, key, options.scheme ?? 'leastload', opened.ports),
    stopped: stopped.promise,
    stop,
    get outstandingCount() {
      return parts!.outstandingCount
    },
    story: msgId => parts!.story(msgId),
    validate: () => parts!.validate(),
  }
}

async function closeAll(parts: Parts, opened: ControllerSockets): Promise<void> {
  parts.close()
  await opened.close()
  // Last: the replies that were still under way are noted, too.
  await parts.records.close()
}

/** What decides, for those who look at a controller from outside. */
interface Machines {
  readonly queue: TaskQueue
  readonly direct: Direct
  readonly broadcast: Broadcast
  readonly hub: Hub
  readonly hearts: HeartMonitor
}

/** Every machine and shell of a controller, wired to one another. */
class Parts {
  readonly records: RecordStore
  readonly #task: TaskShell
  readonly #direct: DirectShell
  readonly #control: ControlShell
  readonly #broadcast: BroadcastShell
  readonly #iopub: IopubShell
  readonly #hub: HubShell
  readonly #machines: Machines
  readonly #absent = new AbsentClients()
  readonly #session: Session
  readonly #registrar: Registrar
  readonly #client: Buffer
  readonly #clock: Clock
  readonly #stop: () => void
  #cancelStop: (() => void) | undefined
  #sockets: Readonly<Record<PortName, Socket>> | undefined

  constructor(options: ControllerOptions, key: string, info: () => ConnectionInfo, stop: () => void) {
    const {
      clock = systemClock,
      log = silentLogger,
      pingMs = 3000,
      scheme = 'leastload',
      hwm = 'auto',
    } = options
    const registrationTimeoutMs = options.registrationTimeoutMs ?? Math.max(30_000, pingMs * 10)
    this.#clock = clock
    this.#stop = stop
    this.#session = new Session({ key })
    this.#client = Buffer.from(this.#session.id)
    const intake: Intake = {
      session: this.#session,
      log,
      warnings: new RateLimitedWarnings(log, () => clock.nowMs()),
    }
    const records = options.records ?? new MemoryStore()
    this.records = records
    const queue = new TaskQueue({ scheme, hwm, random: options.random ?? Math.random })
    const broadcast = new Broadcast()
    const direct = new Direct({ forgetMs: registrationTimeoutMs })
    const trailing = new TrailingOutputs()
    const queries = new HubQueries({
      nextMessageId: () => this.#session.nextMessageId(),
      queues: {
        isPending: msgId => queue.isPending(msgId) || direct.isPending(msgId) || trailing.isTrailing(msgId),
        isTrailing: msgId => trailing.isTrailing(msgId),
        directOf: engine => [...direct.queueOf(engine), ...broadcast.queueOf(engine)],
        tasksOf: engine => queue.tasksOf(engine),
        unassigned: () => queue.unassigned(),
      },
    })
    const registrar = new Registrar({
      clock,
      trailing,
      records,
      queries,
      onFinished: msgId => {
        if (hub.isAwaited(msgId)) this.#hub.happened({ type: 'request_ended', msgId })
      },
      onLinkLost: (engine, channel) => this.#hub.happened({ type: 'link_lost', engine, channel }),
      onLinkJoined: (engine, channel) => this.#hub.happened({ type: 'link_joined', engine, channel }),
    })
    this.#registrar = registrar
    this.#direct = new DirectShell({ ...intake, clock, self: this.#client, direct, registrar })
    this.#control = new ControlShell({
      ...intake,
      self: this.#client,
      onOwnReply: reply => this.#task.recalled(reply),
      onLink: (engine, isThere) => this.#task.controlLink(engine, isThere),
    })
    this.#task = new TaskShell({ ...intake, clock, queue, registrar, control: this.#control })
    this.#broadcast = new BroadcastShell({ ...intake, clock, broadcast, registrar })
    this.#iopub = new IopubShell({
      ...intake,
      registrar,
      onShutdown: (engine, restart) => this.#hub.happened({ type: 'shutdown_seen', engine, restart }),
      onPartsWanted: (engine, client, digests) => {
        if (this.#absent.isGone(client, clock.nowMs())) this.#direct.refuseParts(engine, digests)
      },
    })
    const hub = new Hub({
      queries,
      connectionInfo: info,
      heartbeatMs: pingMs,
      registrationTimeoutMs,
      linkGraceMs: options.linkGraceMs ?? 500,
    })
    const hearts = new HeartMonitor(
      { periodMs: pingMs, missesMax: options.heartMissesMax ?? 10 },
      clock.nowMs(),
    )
    this.#hub = new HubShell({ ...intake, clock, hub, hearts, records, orders: this.#orders() })
    this.#machines = { queue, direct, broadcast, hub, hearts }
  }

  get outstandingCount(): number {
    const { queue, direct, broadcast } = this.#machines
    return queue.size + direct.size + broadcast.size
  }

  story(msgId: string): string[] {
    return [...this.#machines.queue.story(msgId), ...this.#machines.direct.story(msgId)]
  }

  validate(): void {
    for (const machine of Object.values(this.#machines)) machine.validate()
  }

  /** Gives every shell its sockets; the answer says who hears what. */
  attach(sockets: Readonly<Record<PortName, Socket>>): Handlers {
    this.#sockets = sockets
    this.#task.attach(sockets.task, sockets.engineTask)
    this.#direct.attach(sockets.mux, sockets.engineMux)
    this.#control.attach(sockets.control, sockets.engineControl)
    this.#broadcast.attach(sockets.broadcast, sockets.engineBroadcast)
    this.#iopub.attach(sockets.iopub)
    return {
      registration: { onMessage: frames => this.#hub.fromPeer(frames) },
      hbPing: { onPeer: event => this.#hub.listener(event) },
      hbPong: { onMessage: frames => this.#hub.pong(frames), onPeer: event => this.#hub.listener(event) },
      task: { onMessage: frames => this.#task.fromClient(frames) },
      engineTask: {
        ...between(this.#task),
        onArrival: (head, arrival) => this.#task.replyArrives(head, arrival),
      },
      // Parts of calls are brought over this one.
      mux: {
        onMessage: frames => this.#direct.fromClient(frames),
        onPeer: event => this.#clientPeer(event),
        onArrival: (head, arrival) => this.#direct.requestArrives(head, arrival),
      },
      engineMux: {
        ...between(this.#direct),
        onArrival: (head, arrival) => this.#direct.replyArrives(head, arrival),
      },
      control: { onMessage: frames => this.#control.fromClient(frames) },
      engineControl: between(this.#control),
      broadcast: { onMessage: frames => this.#broadcast.fromClient(frames) },
      engineBroadcast: between(this.#broadcast),
      engineIopub: { onMessage: frames => this.#iopub.fromEngine(frames) },
    }
  }

  #clientPeer({ type, identity }: PeerEvent): void {
    const client = identity.toString('latin1')
    if (type === 'peer_joined') this.#absent.joined(client)
    else this.#absent.left(client)
  }

  listening(): void {
    const { registration, notification, hbPing } = this.#sockets!
    this.#hub.attach({ registration, notification, ping: hbPing })
  }

  close(): void {
    this.#cancelStop?.()
    this.#hub.close()
    this.#task.close()
    this.#direct.close()
    this.#broadcast.close()
    this.#registrar.close()
  }

  #orders(): HubOrders {
    return {
      admitEngine: effect => {
        const { engine, id, remembers } = effect
        this.#direct.engineJoined(engine, id, remembers)
        this.#control.engineJoined(engine)
        this.#broadcast.engineJoined(engine, id, remembers)
        this.#task.engineJoined(effect)
      },
      dismissEngine: effect => this.#dismiss(effect),
      abortTasks: msgIds => this.#task.abort(msgIds),
      submitAgain: (newId, request) => this.#submitAgain(newId, request),
      stopController: () => {
        this.#cancelStop = this.#clock.after(SHUTDOWN_DELAY_MS, this.#stop)
      },
    }
  }

  #dismiss({ engine, cause, orderly }: Extract<HubEffect, { type: 'dismiss_engine' }>): void {
    this.#direct.engineLeft(engine, cause)
    this.#control.engineLeft(engine)
    this.#broadcast.engineLeft(engine, cause)
    this.#task.engineLeft(engine, cause, orderly)
  }

  /**
   * As the original: the old request under a new name, to the balanced scheduler, whose reply nobody awaits. Requests of
   * our own keep our rules.
   */
  #submitAgain(newId: string, request: RequestParts): void {
    const header = { ...request.header, msg_id: newId, date: dateNow() }
    const { itsparallel, retries } = request.metadata
    const metadata =
      itsparallel === undefined ? {} : { itsparallel, ...(retries !== undefined && { retries }) }
    const body = this.#session.packParts(header, header, metadata, request.content, request.buffers)
    this.#task.submit(Envelope.cut([this.#client, ...body])!)
  }
}

/** The engines' side of a scheduler. */
function between(shell: { fromEngine(frames: Frame[]): void; peer(event: PeerEvent): void }): Handler {
  return { onMessage: frames => shell.fromEngine(frames), onPeer: event => shell.peer(event) }
}

function checkOptions({ scheme, hwm, pingMs }: ControllerOptions): void {
  if (scheme !== undefined && !isPlacementScheme(scheme)) {
    throw new ConfigurationError(
      `there is no scheme "${scheme}": choose leastload, lru, plainrandom, twobin or weighted`,
    )
  }
  if (hwm !== undefined && hwm !== 'auto' && !(Number.isSafeInteger(hwm) && hwm >= 0)) {
    throw new ConfigurationError(`hwm must be "auto" or a whole number from 0, not ${hwm}`)
  }
  if (pingMs !== undefined && !(pingMs >= 10)) {
    throw new ConfigurationError(`the time between heartbeats must be at least 10 ms, not ${pingMs}`)
  }
}

/** As long and random as a session id, which is what the original uses. */
function newKey(): string {
  const hex = randomBytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

function connectionInfo(ip: string, ports: ControllerSockets['ports']): ConnectionInfo {
  return {
    interface: `tcp://${ip}`,
    registration: ports.registration,
    control: ports.engineControl,
    mux: ports.engineMux,
    task: ports.engineTask,
    iopub: ports.engineIopub,
    hb_ping: ports.hbPing,
    hb_pong: ports.hbPong,
    broadcast: [ports.engineBroadcast],
  }
}

function connections(
  ip: string,
  location: string,
  key: string,
  scheme: PlacementScheme,
  ports: ControllerSockets['ports'],
): Pick<Controller, 'clientConnection' | 'engineConnection'> {
  const common = {
    ssh: '',
    key,
    curve_serverkey: null,
    location,
    pack: 'json',
    unpack: 'json',
    signature_scheme: 'hmac-sha256',
  } as const
  const { registration, control, mux, task, iopub, notification, broadcast } = ports
  return {
    clientConnection: {
      ...common,
      interface: `tcp://${ip}`,
      registration,
      control,
      mux,
      task,
      task_scheme: scheme,
      iopub,
      notification,
      broadcast,
    },
    engineConnection: { ...common, ...connectionInfo(ip, ports), broadcast: [ports.engineBroadcast] },
  }
}
