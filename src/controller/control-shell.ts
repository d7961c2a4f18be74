import type { Envelope } from '../protocol/envelope.ts'
import type { Frame, Message } from '../transport/socket.ts'
import { answerError } from './error-reply.ts'
import { type Intake, MetadataReader, takeMessage } from './incoming.ts'
import { RelayShell, swapped } from './relay-shell.ts'
import { isOwnRequest } from './state/task-plan.ts'
import { errorContent, noSuchEngine } from './state/wire-error.ts'

/** What only the balanced scheduler may ask: whom else an engine gave a task back to would have lost it. */
const SCHEDULER_ONLY: ReadonlySet<string> = new Set(['recall_request'])

export interface ControlShellOptions extends Intake {
  /** The controller's own name among the clients. */
  readonly self: Frame
  /** An engine has answered the controller itself. */
  readonly onOwnReply: (reply: Envelope) => void
  /** The connection of an engine was lost, or is there again: it may have taken such an answer along. */
  readonly onLink: (engine: string, isThere: boolean) => void
}

/**
 * The control relay. It decides nothing and keeps nothing: a control request goes to the engine that it names, whoever
 * has that name, and its reply comes back. An engine's control link belongs to another process of it (its nanny, in the
 * original), so its loss says nothing about the engine.
 */
export class ControlShell extends RelayShell<ControlShellOptions> {
  readonly #engines = new Set<string>()
  readonly #metadata = new MetadataReader()

  engineJoined(engine: string): void {
    this.admit(engine)
    this.#engines.add(engine)
  }

  engineLeft(engine: string): void {
    this.dismiss(engine)
    this.#engines.delete(engine)
  }

  protected override linkLost(engine: string): void {
    this.options.onLink(engine, false)
  }

  protected override linkJoined(engine: string): void {
    this.options.onLink(engine, true)
  }

  fromClient(frames: Frame[]): void {
    const { session, warnings } = this.options
    takeMessage(this.options, 'control', frames, 2, request => {
      const { msg_type: type } = request.header
      const own = isOwnRequest(this.#metadata.read(request))
      const [client, name] = [request.frames[0]!, request.frames[1]!]
      const engine = name.toString('latin1')
      if (SCHEDULER_ONLY.has(type)) {
        const error = errorContent('UsageError', `a ${type} is the scheduler's to send: use abort_request`)
        this.sendToClient([client, name, ...answerError(session, request, engine, error)])
      } else if (this.#engines.has(engine)) this.sendToEngine(engine, [client, ...request.frames.slice(2)])
      else if (own) {
        const error = noSuchEngine(engine, undefined)
        this.sendToClient([client, name, ...answerError(session, request, engine, error)])
      } else if (this.sendToWhomever(swapped(request.frames)) === 'unroutable') {
        warnings.warn('dropped a control request to an engine that is not there', { engine })
      }
    })
  }

  /** Asks an engine something for the controller itself. */
  ask(engine: string, body: Message): void {
    this.sendToEngine(engine, [this.options.self, ...body])
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.options, 'control replies', frames, 2, reply => {
      const { self, onOwnReply } = this.options
      if (reply.frames[1]!.equals(self)) onOwnReply(reply)
      else this.sendToClient(swapped(reply.frames))
    })
  }
}
