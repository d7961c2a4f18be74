import type { Arrival } from '../transport/arrival.ts'
import type { Message, PeerEvent, SendOutcome, Socket } from '../transport/socket.ts'
import { EngineLinks } from './engine-links.ts'
import { guarded, type Intake } from './incoming.ts'

/**
 * What all shells between clients and engines have in common: a socket for either side, and the connections of the
 * engines that are registered.
 */
export abstract class RelayShell<Options extends Intake> {
  protected readonly options: Options
  readonly #links: EngineLinks
  #clients: Socket | undefined
  #engines: Socket | undefined

  constructor(options: Options) {
    this.options = options
    this.#links = new EngineLinks({
      send: message => this.#engines!.send(message),
      passOn: (head, arrival) => this.#engines!.passOn(head, arrival),
      onLost: engine => this.linkLost(engine),
      onJoined: engine => this.linkJoined(engine),
    })
  }

  attach(clients: Socket, engines: Socket): void {
    this.#clients = clients
    this.#engines = engines
  }

  peer(event: PeerEvent): void {
    guarded(this.options.log, 'the connection of an engine', () => this.#links.peer(event))
  }

  /** The engine is registered from now on. */
  protected admit(engine: string): void {
    this.#links.admit(engine)
  }

  protected isConnected(engine: string): boolean {
    return this.#links.isConnected(engine)
  }

  protected dismiss(engine: string): void {
    this.#links.dismiss(engine)
  }

  /** @param rest - what follows the engine's identity. */
  protected sendToEngine(engine: string, rest: Message): void {
    this.#links.send(engine, rest)
  }

  /** @param rest - as it will be sent when it is whole, but for the last frame. */
  protected passOnToEngine(engine: string, rest: Message, arrival: Arrival): void {
    this.#links.passOn(engine, rest, arrival)
  }

  /** @param message - with the identity of whoever shall have it in front, registered or not. */
  protected sendToWhomever(message: Message): SendOutcome {
    return this.#engines!.send(message)
  }

  /** @param message - with the client's address in front. */
  protected sendToClient(message: Message): void {
    this.#clients!.send(message)
  }

  /** @param head - as it will be sent when it is whole, but for the last frame. */
  protected passOnToClient(head: Message, arrival: Arrival): void {
    this.#clients!.passOn(head, arrival)
  }

  /** A registered engine's connection was lost. */
  protected abstract linkLost(engine: string): void

  /** It is there, or there again. */
  protected abstract linkJoined(engine: string): void
}

/** A relayed message goes on with its first two frames, engine and client, exchanged. */
export function swapped(frames: Message): Message {
  const copy = frames.slice()
  copy[0] = frames[1]!
  copy[1] = frames[0]!
  return copy
}
