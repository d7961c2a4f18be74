import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { Frame, PeerEvent, Socket } from '../transport/socket.ts'
import { guarded, type Intake, takeMessage } from './incoming.ts'
import type { RecordStore } from './records/record-store.ts'
import type { HeartEffect, HeartEvent, HeartMonitor } from './state/heart-monitor.ts'
import type { Hub, HubEffect, HubEvent } from './state/hub.ts'
import type { RecordAnswer, RequestParts } from './state/record-questions.ts'
import { WireError } from './state/wire-error.ts'

/** What the hub has others do. */
export interface HubOrders {
  admitEngine(effect: Extract<HubEffect, { type: 'admit_engine' }>): void
  dismissEngine(effect: Extract<HubEffect, { type: 'dismiss_engine' }>): void
  submitAgain(newId: string, request: RequestParts): void
  abortTasks(msgIds: readonly string[]): void
  stopController(): void
}

export interface HubShellOptions extends Intake {
  readonly clock: Clock
  readonly hub: Hub
  readonly hearts: HeartMonitor
  readonly records: RecordStore
  readonly orders: HubOrders
}

export interface HubSockets {
  readonly registration: Socket
  readonly notification: Socket
  readonly ping: Socket
}

/** The hub's sockets and the heart monitor's, which tell each other of hearts. */
export class HubShell {
  readonly #options: HubShellOptions
  readonly #hubAlarm: Alarm
  readonly #heartAlarm: Alarm
  #sockets: HubSockets | undefined

  constructor(options: HubShellOptions) {
    this.#options = options
    this.#hubAlarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a tick of the hub', () => this.happened({ type: 'tick' })),
    )
    this.#heartAlarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a heartbeat', () => this.#beat({ type: 'tick' })),
    )
  }

  attach(sockets: HubSockets): void {
    this.#sockets = sockets
    this.#heartAlarm.set(this.#options.hearts.wakeAtMs)
  }

  fromPeer(frames: Frame[]): void {
    takeMessage(this.#options, 'registration', frames, 1, ({ header, content, frames: [from] }) => {
      this.happened({ type: 'hub_request', from: from!, header, content })
    })
  }

  /** Somebody connected to one of the heartbeat's sockets, or left. */
  listener(event: PeerEvent): void {
    if (event.type === 'peer_joined') this.#beat({ type: 'listener_joined' })
  }

  pong(frames: Frame[]): void {
    const [identity, payload] = frames
    if (frames.length !== 2 || identity === undefined || payload === undefined || payload.length > 64) {
      this.#options.warnings.warn('dropped a message on hb_pong: no echo of a ping')
      return
    }
    const pong = {
      type: 'pong',
      engine: identity.toString('latin1'),
      ping: payload.toString('latin1'),
    } as const
    guarded(this.#options.log, 'an echo of a heartbeat', () => this.#beat(pong))
  }

  happened(event: HubEvent): void {
    const { hub, clock } = this.#options
    for (const effect of hub.handle(event, clock.nowMs())) this.#perform(effect)
    this.#hubAlarm.set(hub.wakeAtMs)
  }

  close(): void {
    this.#hubAlarm.close()
    this.#heartAlarm.close()
  }

  #beat(event: HeartEvent): void {
    const { hearts, clock } = this.#options
    for (const effect of hearts.handle(event, clock.nowMs())) this.#performHeart(effect)
    this.#heartAlarm.set(hearts.wakeAtMs)
  }

  #performHeart(effect: HeartEffect): void {
    switch (effect.type) {
      case 'ping':
        this.#sockets!.ping.send([Buffer.from(effect.ping)])
        break
      case 'heart_started':
        this.happened({ type: 'heart_started', engine: effect.engine })
        break
      case 'heart_stopped':
        this.happened(effect)
        break
    }
  }

  #perform(effect: HubEffect): void {
    const { session, orders, log } = this.#options
    switch (effect.type) {
      case 'reply': {
        const { to, messageType, content, parent, buffers = [] } = effect
        const body = session.pack({ type: messageType, content, parentHeader: parent ?? {}, buffers })
        this.#sockets!.registration.send([to, ...body])
        break
      }
      case 'notify': {
        const { messageType, content, parent = {} } = effect
        this.#sockets!.notification.send(session.pack({ type: messageType, content, parentHeader: parent }))
        break
      }
      case 'await_heart':
        this.#beat({ type: 'heart_awaited', engine: effect.engine })
        break
      case 'forget_heart':
        this.#beat({ type: 'heart_forgotten', engine: effect.engine })
        break
      case 'admit_engine':
        log.info('engine registered', { id: effect.id, uuid: effect.engine })
        orders.admitEngine(effect)
        break
      case 'dismiss_engine':
        log.info('engine unregistered', { id: effect.id, uuid: effect.engine, cause: effect.cause })
        orders.dismissEngine(effect)
        break
      case 'ask_records':
        this.#ask(effect)
        break
      case 'submit_again':
        orders.submitAgain(effect.newId, effect.request)
        break
      case 'abort_tasks':
        orders.abortTasks(effect.msgIds)
        break
      case 'stop_controller':
        orders.stopController()
        break
    }
  }

  #ask({ from, header, question }: Extract<HubEffect, { type: 'ask_records' }>): void {
    const tell = (answer: RecordAnswer | WireError): void =>
      guarded(this.#options.log, 'an answer of the records', () =>
        this.happened({ type: 'records_answered', from, header, answer }),
      )
    const refuse = (error: unknown): void => {
      if (!(error instanceof WireError)) this.#options.log.error('the records cannot answer', { error })
      tell(error instanceof WireError ? error : new WireError('RuntimeError', 'the records cannot answer'))
    }
    try {
      const answer = this.#options.records.ask(question)
      if (answer instanceof Promise) answer.then(tell, refuse)
      else tell(answer)
    } catch (error) {
      refuse(error)
    }
  }
}
