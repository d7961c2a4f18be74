import { newEngineUuid } from '../../../src/base/ids.ts'
import type { Controller } from '../../../src/controller/controller.ts'
import { Envelope, type Json } from '../../../src/protocol/envelope.ts'
import { type OutgoingMessage, Session } from '../../../src/protocol/session.ts'
import type { Frame, Message, Socket, Transport } from '../../../src/transport/socket.ts'

/** Messages that arrived and that a test has not looked at yet. */
export class Inbox {
  readonly #messages: Envelope[] = []
  #waiters: (() => void)[] = []

  readonly deliver = (frames: Frame[]): void => {
    const envelope = Envelope.cut(frames)
    if (envelope === undefined) return
    this.#messages.push(envelope)
    for (const wake of this.#waiters.splice(0)) wake()
  }

  get count(): number {
    return this.#messages.length
  }

  /** Takes out the first message that fits; waits for it, at most five seconds. */
  async next(fits: (envelope: Envelope) => boolean = () => true): Promise<Envelope> {
    const untilMs = performance.now() + 5000
    for (;;) {
      const at = this.#messages.findIndex(fits)
      if (at !== -1) return this.#messages.splice(at, 1)[0]!
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0) throw new Error('the message that the test waits for did not come')
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs)
        this.#waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  type(type: string): Promise<Envelope> {
    return this.next(envelope => envelope.header.msg_type === type)
  }
}

type Connections = Pick<Controller, 'clientConnection' | 'engineConnection'>
type Channel = 'registration' | 'mux' | 'task' | 'control' | 'broadcast'

/** A client made of nothing but sockets and a session. */
export class RawClient {
  readonly session: Session
  readonly inbox: Readonly<Record<Channel | 'notification' | 'iopub', Inbox>> = {
    registration: new Inbox(),
    mux: new Inbox(),
    task: new Inbox(),
    control: new Inbox(),
    broadcast: new Inbox(),
    notification: new Inbox(),
    iopub: new Inbox(),
  }
  readonly sockets: Record<Channel, Socket>
  readonly #subscribers: Socket[]

  constructor(transport: Transport, { clientConnection: at }: Connections) {
    this.session = new Session({ key: at.key })
    const dealer = (channel: Channel): Socket => {
      const socket = transport.socket('DEALER', { onMessage: this.inbox[channel].deliver })
      socket.connect(`${at.interface}:${at[channel]}`)
      return socket
    }
    this.sockets = {
      registration: dealer('registration'),
      mux: dealer('mux'),
      task: dealer('task'),
      control: dealer('control'),
      broadcast: dealer('broadcast'),
    }
    this.#subscribers = (['notification', 'iopub'] as const).map(channel => {
      const socket = transport.socket('SUB', { onMessage: this.inbox[channel].deliver })
      socket.subscribe('')
      socket.connect(`${at.interface}:${at[channel]}`)
      return socket
    })
  }

  /** @returns the frames from the delimiter on, as sent. */
  send(channel: Channel, message: OutgoingMessage, engine?: string): Frame[] {
    const frames = this.session.pack(message)
    this.sockets[channel].send(engine === undefined ? frames : [Buffer.from(engine), ...frames])
    return frames
  }

  async ask(type: string, content: Json = {}): Promise<Envelope> {
    const msgId = this.session.nextMessageId()
    this.send('registration', { type: type as 'queue_request', content, msgId })
    return this.inbox.registration.next(reply => reply.parentHeader.msg_id === msgId)
  }

  async engines(): Promise<Json> {
    return (await this.ask('connection_request')).content.engines as Json
  }

  async close(): Promise<void> {
    const all = [...Object.values(this.sockets), ...this.#subscribers]
    await Promise.all(all.map(socket => socket.close(0)))
  }
}

/** An engine made of nothing but sockets and a session; a test answers in its place. */
export class RawEngine {
  readonly uuid: string
  readonly session: Session
  readonly inbox = new Inbox()
  readonly control = new Inbox()
  readonly registration: Socket
  readonly shell: Socket
  readonly iopub: Socket
  readonly #all: Socket[]
  readonly #registrationInbox = new Inbox()
  readonly #connections: Connections['engineConnection']
  #echoes = true

  constructor(transport: Transport, { engineConnection: at }: Connections, uuid: string = newEngineUuid()) {
    this.uuid = uuid
    this.#connections = at
    this.session = new Session({ key: at.key, sessionId: uuid })
    const url = (port: number): string => `${at.interface}:${port}`
    this.registration = transport.socket('DEALER', {
      identity: uuid,
      onMessage: this.#registrationInbox.deliver,
    })
    this.registration.connect(url(at.registration))
    this.shell = transport.socket('ROUTER', { identity: uuid, onMessage: this.inbox.deliver })
    for (const port of [at.mux, at.task, at.broadcast[0]!]) this.shell.connect(url(port))
    const control = transport.socket('ROUTER', { identity: uuid, onMessage: this.control.deliver })
    control.connect(url(at.control))
    this.controlSocket = control
    this.iopub = transport.socket('PUB')
    this.iopub.connect(url(at.iopub))
    const pong = transport.socket('DEALER', { identity: uuid })
    this.pong = pong
    const ping = transport.socket('SUB', {
      onMessage: frames => {
        if (this.#echoes) pong.send(frames)
      },
    })
    ping.subscribe('')
    this.#ping = ping
    this.#all = [this.registration, this.shell, control, this.iopub, ping, pong]
  }
  readonly controlSocket: Socket
  readonly #ping: Socket
  readonly pong: Socket

  /** @returns the content of the registration reply. */
  async register(wanted: Json = {}): Promise<Json> {
    this.registration.send(
      this.session.pack({ type: 'registration_request', content: { uuid: this.uuid, ...wanted } }),
    )
    const { content } = await this.#registrationInbox.type('registration_reply')
    this.startHeart()
    return content
  }

  startHeart(): void {
    this.pong.connect(`${this.#connections.interface}:${this.#connections.hb_pong}`)
    this.#ping.connect(`${this.#connections.interface}:${this.#connections.hb_ping}`)
  }

  stopHeart(): void {
    this.#echoes = false
  }

  /** @returns the reply's frames from the delimiter on. */
  reply(request: Envelope, value: string, metadata: Json = {}, socket = this.shell): Frame[] {
    const frames = this.session.pack({
      type: request.header.msg_type.replace('_request', '_reply') as 'apply_reply',
      parentHeader: request.headerFrame,
      metadata: { status: 'ok', engine: this.uuid, dependencies_met: true, ...metadata },
      content: { status: metadata.status ?? 'ok' },
      buffers: [Buffer.from(value)],
    })
    socket.send([...request.prefix, ...frames])
    return frames
  }

  publish(topic: string, message: OutgoingMessage): Frame[] {
    const frames = [Buffer.from(topic), ...this.session.pack(message)]
    this.iopub.send(frames)
    return frames
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(socket => socket.close(0)))
  }
}

/** Whether two messages are the same bytes. */
export function sameFrames(a: Message, b: Message): boolean {
  return a.length === b.length && a.every((frame, at) => frame.equals(b[at]!))
}
