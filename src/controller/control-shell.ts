import type { Frame, PeerEvent, Socket } from '../transport/socket.ts'
import { EngineLinks } from './engine-links.ts'
import { answerError } from './error-reply.ts'
import { type Intake, MetadataReader, takeMessage } from './incoming.ts'
import { isOwnRequest } from './state/task-plan.ts'
import { noSuchEngine } from './state/wire-error.ts'
import { swapped } from './task-shell.ts'

/**
 * The control relay. It decides nothing and keeps nothing: a control request goes to the engine that it names, whoever
 * has that name, and its reply comes back. An engine's control link belongs to another process of it (its nanny, in the
 * original), so its loss says nothing about the engine.
 */
export class ControlShell {
  readonly #intake: Intake
  readonly #links: EngineLinks
  readonly #engines = new Set<string>()
  readonly #metadata = new MetadataReader()
  #in: Socket | undefined
  #out: Socket | undefined

  constructor(intake: Intake) {
    this.#intake = intake
    this.#links = new EngineLinks({
      send: message => this.#out!.send(message),
      onLost: () => {},
      onJoined: () => {},
    })
  }

  attach(clients: Socket, engines: Socket): void {
    this.#in = clients
    this.#out = engines
  }

  engineJoined(engine: string): void {
    this.#links.admit(engine)
    this.#engines.add(engine)
  }

  engineLeft(engine: string): void {
    this.#links.dismiss(engine)
    this.#engines.delete(engine)
  }

  peer(event: PeerEvent): void {
    this.#links.peer(event)
  }

  fromClient(frames: Frame[]): void {
    const { session, warnings } = this.#intake
    takeMessage(this.#intake, 'control', frames, 2, request => {
      void request.header
      const own = isOwnRequest(this.#metadata.read(request))
      const [client, name] = [request.frames[0]!, request.frames[1]!]
      const engine = name.toString('latin1')
      if (this.#engines.has(engine)) this.#links.send(engine, [client, ...request.frames.slice(2)])
      else if (own) {
        const error = noSuchEngine(engine, undefined)
        this.#in!.send([client, name, ...answerError(session, request, engine, error)])
      } else if (this.#out!.send(swapped(request.frames)) === 'unroutable') {
        warnings.warn('dropped a control request to an engine that is not there', { engine })
      }
    })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.#intake, 'control replies', frames, 2, reply => {
      this.#in!.send(swapped(reply.frames))
    })
  }
}
