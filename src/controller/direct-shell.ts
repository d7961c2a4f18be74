import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { DeathCause, ErrorContent } from '../protocol/catalogue.ts'
import { Envelope } from '../protocol/envelope.ts'
import { PARTS_MARK } from '../protocol/parts-mark.ts'
import type { Arrival } from '../transport/arrival.ts'
import type { Frame } from '../transport/socket.ts'
import { answerError } from './error-reply.ts'
import {
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
import type { Direct, DirectEffect, DirectEvent } from './state/direct.ts'
import { keptRequest } from './state/kept-request.ts'
import { isOwnRequest } from './state/task-plan.ts'

export interface DirectShellOptions extends Intake {
  readonly clock: Clock
  /** The controller's own name among the clients. */
  readonly self: Frame
  readonly direct: Direct
  readonly registrar: Registrar
}

/** The direct scheduler's sockets: requests go to the engine that they name, replies to the client that they name. */
export class DirectShell extends RelayShell<DirectShellOptions> {
  readonly #alarm: Alarm
  readonly #metadata = new MetadataReader()

  constructor(options: DirectShellOptions) {
    super(options)
    this.#alarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a tick of the direct scheduler', () => this.#happened({ type: 'tick' })),
    )
  }

  engineJoined(engine: string, id: number, remembers: boolean): void {
    this.admit(engine)
    this.#happened({ type: 'engine_joined', engine, id, remembers })
  }

  engineLeft(engine: string, cause: DeathCause | undefined): void {
    this.dismiss(engine)
    this.#happened({ type: 'engine_left', engine, cause })
  }

  protected override linkLost(engine: string): void {
    this.options.registrar.linkLost(engine, 'mux')
    this.#happened({ type: 'engine_disconnected', engine })
  }

  protected override linkJoined(engine: string): void {
    this.options.registrar.linkJoined(engine, 'mux')
    this.#happened({ type: 'engine_reconnected', engine })
  }

  fromClient(frames: Frame[]): void {
    takeMessage(this.options, 'mux', frames, 2, request => {
      const msgId = messageIdOf(request)
      const own = isOwnRequest(this.#metadata.read(request))
      const engine = request.frames[1]!.toString('latin1')
      this.#happened({ type: 'requested', msgId, client: request.frames[0]!, engine, request, own })
    })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.options, 'mux replies', frames, 2, reply => {
      if (reply.frames[1]!.equals(this.options.self)) return
      const msgId = parentIdOf(reply) ?? ''
      this.#happened({ type: 'replied', msgId, engine: reply.frames[0]!.toString('latin1'), reply })
    })
  }

  /** A large request is coming in. */
  requestArrives(head: Frame[], arrival: Arrival): void {
    peekMessage(this.options, head, 2, request => {
      const [client, engine] = [request.frames[0]!, request.frames[1]!.toString('latin1')]
      if (this.options.direct.wouldForward(messageIdOf(request), engine))
        this.passOnToEngine(engine, [client, ...request.frames.slice(2)], arrival)
    })
  }

  /** A large reply is coming in. */
  replyArrives(head: Frame[], arrival: Arrival): void {
    peekMessage(this.options, head, 2, reply => {
      const { frames } = reply
      if (frames[1]!.equals(this.options.self)) return
      if (this.options.direct.wouldRelay(parentIdOf(reply) ?? '', frames[0]!.toString('latin1')))
        this.passOnToClient(swapped(frames), arrival)
    })
  }

  /** Tells an engine, in the controller's own name, that nobody will bring the parts of a call that it asks for. */
  refuseParts(engine: string, digests: unknown): void {
    const { session, self } = this.options
    const content = { digests: [], missing: digests }
    this.sendToEngine(engine, [
      self,
      ...session.pack({ type: 'apply_request', metadata: PARTS_MARK, content }),
    ])
  }

  close(): void {
    this.#alarm.close()
  }

  #happened(event: DirectEvent): void {
    const { direct, clock } = this.options
    for (const effect of direct.handle(event, clock.nowMs())) this.#perform(effect)
    this.#alarm.set(direct.wakeAtMs)
  }

  #perform(effect: DirectEffect): void {
    const { registrar, session, warnings } = this.options
    switch (effect.type) {
      case 'forward_request': {
        const { engine, client, request } = effect
        this.sendToEngine(engine, [client, ...request.frames.slice(2)])
        registrar.records.submitted(effect.msgId, keptRequest(request), 'mux', engine)
        break
      }
      case 'repeat_request': {
        const { engine, client, request } = effect
        this.sendToEngine(engine, [client, ...refreshed(session, request).slice(2)])
        break
      }
      case 'forward_reply':
        this.sendToClient(swapped(effect.reply.frames))
        break
      case 'answer_error': {
        const { client, engine, request, error } = effect
        this.sendToClient([
          client,
          Buffer.from(engine, 'latin1'),
          ...answerError(session, request, engine, error),
        ])
        break
      }
      case 'drop_request':
        warnings.warn('dropped a direct request to an engine that is not there', { engine: effect.engine })
        break
      case 'record_reply': {
        const { msgId, request, engine, reply } = effect
        registrar.finished(msgId, keptRequest(request), 'mux', engine, reply, statusOf(reply))
        break
      }
      case 'record_failure':
        this.#recordFailure(effect.msgId, effect.engine, effect.request, effect.error)
        break
    }
  }

  #recordFailure(msgId: string, engine: string, request: Envelope, error: ErrorContent): void {
    const { session, registrar } = this.options
    const reply = Envelope.cut(answerError(session, request, engine, error))!
    registrar.finished(msgId, keptRequest(request), 'mux', undefined, reply, 'error')
  }
}

/** Replies of odd peers may have broken metadata; they are passed on all the same. */
function statusOf(reply: Envelope): unknown {
  try {
    return reply.metadata.status
  } catch {
    return undefined
  }
}
