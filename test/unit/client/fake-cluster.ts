import vm from 'node:vm'
import { newEngineUuid } from '../../../src/base/ids.ts'
import { Client } from '../../../src/client/client.ts'
import type { ConnectOptions } from '../../../src/client/connect.ts'
import { MappedValues, mapColumns } from '../../../src/engine/map-columns.ts'
import { errorReply } from '../../../src/engine/reply.ts'
import type { MessageType } from '../../../src/protocol/catalogue.ts'
import type { ClientConnection } from '../../../src/protocol/connection-file.ts'
import { Envelope, type Json } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import { nodeRealm, packValue, unpackCall } from '../../../src/serialize/payload.ts'
import { memoryTransport } from '../../../src/transport/memory.ts'
import type { Frame, Socket, SocketType, Transport } from '../../../src/transport/socket.ts'

const KEY = 'a key for tests'

export type FakeChannel = 'registration' | 'control' | 'mux' | 'task' | 'broadcast' | 'notification' | 'iopub'
const CHANNELS: readonly (readonly [FakeChannel, SocketType])[] = [
  ['registration', 'ROUTER'],
  ['control', 'ROUTER'],
  ['mux', 'ROUTER'],
  ['task', 'ROUTER'],
  ['broadcast', 'ROUTER'],
  ['notification', 'PUB'],
  ['iopub', 'PUB'],
]

/** A request as the fake cluster got it. */
export interface FakeRequest {
  readonly channel: FakeChannel
  readonly client: Frame
  readonly engine: FakeEngine | undefined
  readonly envelope: Envelope
}

export interface FakeReply {
  readonly content?: object
  readonly metadata?: object
  readonly buffers?: readonly Frame[]
}

/** What stands for an engine: a namespace, and a way to run things in it. */
export class FakeEngine {
  readonly id: number
  readonly uuid = newEngineUuid()
  readonly session: Session
  readonly context = vm.createContext({})

  constructor(id: number) {
    this.id = id
    this.session = new Session({ key: KEY, sessionId: this.uuid })
  }

  async run(envelope: Envelope): Promise<FakeReply> {
    const started = new Date().toISOString()
    const facts = { engine: this.uuid, started, run_ms: 2 }
    try {
      const value =
        envelope.header.msg_type === 'execute_request'
          ? vm.runInContext(String(envelope.content.code), this.context)
          : await this.#call(envelope)
      const content = { status: 'ok', execution_count: 1 }
      return {
        content: envelope.header.msg_type === 'execute_request' ? content : { status: 'ok' },
        metadata: { ...facts, status: 'ok', outputs: 0 },
        buffers:
          envelope.header.msg_type === 'execute_request'
            ? []
            : value instanceof MappedValues
              ? value.pack()
              : packValue(value),
      }
    } catch (error) {
      const { content, frames } = errorReply(error, { uuid: this.uuid, id: -1 }, 'apply')
      return {
        content,
        metadata: { ...facts, status: 'error', outputs: 0 },
        buffers: frames,
      }
    }
  }

  async #call(envelope: Envelope): Promise<unknown> {
    const variables = this.context as Record<string, unknown>
    const lookup = (name: string) => {
      if (!(name in variables)) throw new ReferenceError(`${name} is not defined`)
      return variables[name]
    }
    const operations = new Map<string, (...args: never[]) => unknown>([
      ['push', (values: Record<string, unknown>) => void Object.assign(variables, values)],
      ['pull', (names: string | string[]) => (Array.isArray(names) ? names.map(lookup) : lookup(names))],
      [
        'map',
        (fn: () => unknown, columns: unknown[][], goesOn?: boolean) =>
          mapColumns(fn, columns, goesOn === true, () => true),
      ],
    ])
    const realm = {
      ...nodeRealm,
      lookup,
      evaluate: (source: string) => vm.runInContext(source, this.context),
      operations,
    }
    const { callee, args } = await unpackCall(envelope.buffers, realm)
    return await callee(...(args as never[]))
  }
}

/**
 * A controller and engines in this process, over an in-memory network: enough to see what a client sends, and to answer
 * as we please. By default engines run what they get; `answer` can be replaced.
 */
export class FakeCluster {
  readonly transport: Transport = memoryTransport()
  readonly connection: ClientConnection
  readonly engines: FakeEngine[] = []
  /** Everything that arrived, in order. */
  readonly requests: FakeRequest[] = []
  /** Broadcasts as they came, before each of their targets got its own request. */
  readonly broadcasts: Envelope[] = []
  /** How a request to an engine is answered; undefined: not at all. */
  answer: (request: FakeRequest) => Promise<FakeReply | undefined> | FakeReply | undefined = request =>
    request.engine?.run(request.envelope)
  /** How the hub answers what it does not answer by itself. */
  answerHub: (type: string, content: Json) => FakeReply | undefined = () => undefined
  readonly #sockets = new Map<FakeChannel, Socket>()
  readonly #session = new Session({ key: KEY })
  #nextEngine = 0

  private constructor() {
    const ports = Object.fromEntries(CHANNELS.map(([channel], i) => [channel, 50_000 + i])) as Record<
      FakeChannel,
      number
    >
    this.connection = {
      ...ports,
      ssh: '',
      interface: 'tcp://127.0.0.1',
      key: KEY,
      curve_serverkey: null,
      location: '',
      pack: 'json',
      unpack: 'json',
      signature_scheme: 'hmac-sha256',
      task_scheme: 'leastload',
    }
  }

  static async start(engines = 2): Promise<FakeCluster> {
    const cluster = new FakeCluster()
    for (const [channel, type] of CHANNELS) await cluster.#open(channel, type)
    for (let i = 0; i < engines; i++) cluster.addEngine()
    return cluster
  }

  connect(options: ConnectOptions = {}): Promise<Client> {
    return Client.connect({ connection: this.connection, transport: this.transport, timeout: 5, ...options })
  }

  addEngine(): FakeEngine {
    const engine = new FakeEngine(this.#nextEngine++)
    this.engines.push(engine)
    this.notify('registration_notification', { id: engine.id, uuid: engine.uuid })
    return engine
  }

  removeEngine(engine: FakeEngine, cause?: object): void {
    this.engines.splice(this.engines.indexOf(engine), 1)
    this.notify('unregistration_notification', { id: engine.id, uuid: engine.uuid, cause })
  }

  notify(type: MessageType, content: object): void {
    this.#sockets.get('notification')?.send(this.#session.pack({ type, content }))
  }

  /** Publishes an output of `engine` about a request. */
  publish(engine: FakeEngine, request: FakeRequest, type: MessageType, content: object): void {
    const message = engine.session.pack({
      type,
      content,
      parentHeader: request.envelope.headerFrame,
    })
    this.#sockets.get('iopub')?.send([Buffer.from(`engine.${engine.id}.${type}`), ...message])
  }

  /** Sends a reply to a request, as its engine or (without one) as the controller. */
  reply(request: FakeRequest, reply: FakeReply, type: MessageType = 'apply_reply'): void {
    const session = request.engine?.session ?? this.#session
    const message = session.pack({
      type,
      parentHeader: request.envelope.headerFrame,
      content: reply.content ?? { status: 'ok' },
      metadata: reply.metadata ?? {},
      buffers: reply.buffers ?? [],
    })
    const engine = request.engine === undefined ? [] : [Buffer.from(request.engine.uuid)]
    this.#sockets.get(request.channel)?.send([request.client, ...engine, ...message])
  }

  /** Sends a reply that is signed, and no JSON. */
  replyRubbish(request: FakeRequest): void {
    const header = { msg_id: 'rubbish', msg_type: 'apply_reply' }
    const { session, uuid } = request.engine!
    const message = session.packParts(header, request.envelope.header, {}, Buffer.from('rubbish'))
    this.#sockets.get(request.channel)?.send([request.client, Buffer.from(uuid), ...message])
  }

  /** Sends frames as they are to the client whose request came last on that channel. */
  sendRaw(channel: FakeChannel, frames: readonly Frame[]): void {
    const isPublisher = channel === 'notification' || channel === 'iopub'
    const client = isPublisher ? [] : [this.requests.findLast(request => request.channel === channel)!.client]
    this.#sockets.get(channel)?.send([...client, ...frames])
  }

  /** Requests of one type, such as `apply_request`. */
  requestsOf(type: string): FakeRequest[] {
    return this.requests.filter(({ envelope }) => envelope.header.msg_type === type)
  }

  /** Cuts the clients' connections to the hub; it listens again at once. */
  async cutRegistration(): Promise<void> {
    await this.#sockets.get('registration')?.close(0)
    await this.#open('registration', 'ROUTER')
  }

  async #open(channel: FakeChannel, type: SocketType): Promise<void> {
    const socket = this.transport.socket(type, {
      onMessage: frames => void this.#received(channel, frames),
    })
    this.#sockets.set(channel, socket)
    await socket.bind(`tcp://127.0.0.1:${this.connection[channel]}`)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map(socket => socket.close(0)))
  }

  async #received(channel: FakeChannel, frames: Frame[]): Promise<void> {
    const envelope = this.#session.open(frames)
    if (typeof envelope === 'string') return
    const [client, target] = envelope.prefix
    if (channel === 'broadcast') {
      this.broadcasts.push(envelope)
      await Promise.all(this.#fanOut(client!, envelope).map(request => this.#run(request)))
      return
    }
    const uuid = target?.toString()
    const engine =
      channel === 'task'
        ? this.engines[this.requests.length % this.engines.length]
        : this.engines.find(candidate => candidate.uuid === uuid)
    const request = { channel, client: client!, engine, envelope }
    this.requests.push(request)
    if (channel === 'registration') this.#answerHub(request)
    else if (channel === 'control') this.#answerControl(request)
    else await this.#run(request)
  }

  async #run(request: FakeRequest): Promise<void> {
    const reply = await this.answer(request)
    const isExecute = request.envelope.header.msg_type === 'execute_request'
    if (reply !== undefined) this.reply(request, reply, isExecute ? 'execute_reply' : 'apply_reply')
  }

  /** A request for each target, under an id of its own. */
  #fanOut(client: Frame, envelope: Envelope): FakeRequest[] {
    const { header, parentHeader, metadata, contentFrame, buffers } = envelope
    return (metadata.targets as [uuid: string, id: number][]).map(([uuid]) => {
      const frames = this.#session.packParts(
        { ...header, msg_id: `${header.msg_id}_${uuid}` },
        parentHeader,
        { ...metadata, original_msg_id: header.msg_id },
        contentFrame,
        buffers,
      )
      const engine = this.engines.find(candidate => candidate.uuid === uuid)
      const request = { channel: 'broadcast', client, engine, envelope: Envelope.cut(frames)! } as const
      this.requests.push(request)
      return request
    })
  }

  #answerHub(request: FakeRequest): void {
    const { header, content } = request.envelope
    const type = header.msg_type
    const answer = this.answerHub(type, content)
    if (answer !== undefined) {
      this.reply(request, answer, type.replace('_request', '_reply') as MessageType)
      return
    }
    switch (request.envelope.header.msg_type) {
      case 'connection_request': {
        const engines = Object.fromEntries(this.engines.map(({ id, uuid }) => [id, uuid]))
        this.reply(request, { content: { status: 'ok', engines } }, 'connection_reply')
        return
      }
      case 'queue_request': {
        const counts = this.engines.map(({ id }) => [id, { queue: 1, completed: 2, tasks: 3 }])
        const content = { status: 'ok', unassigned: 4, ...Object.fromEntries(counts) }
        this.reply(request, { content }, 'queue_reply')
        return
      }
      case 'abort_request':
        this.reply(request, {}, 'abort_reply')
        return
      case 'shutdown_request':
        this.reply(request, {}, 'shutdown_reply')
        this.notify('shutdown_notification', { status: 'ok' })
    }
  }

  #answerControl(request: FakeRequest): void {
    if (request.engine === undefined) return
    const type = request.envelope.header.msg_type
    const reply = type === 'signal_request' ? '_request' : type.replace('_request', '_reply')
    this.reply(request, {}, reply as MessageType)
  }
}
