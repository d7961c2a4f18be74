import type { DeathCause } from '../protocol/catalogue.ts'
import type { Frame, PeerEvent, Socket } from '../transport/socket.ts'
import { EngineLinks } from './engine-links.ts'
import { type Intake, takeMessage } from './incoming.ts'
import type { Registrar } from './registrar.ts'
import type { Broadcast, BroadcastEffect, BroadcastEvent } from './state/broadcast.ts'

export interface BroadcastShellOptions extends Intake {
  readonly broadcast: Broadcast
  readonly registrar: Registrar
}

/** The broadcast scheduler's sockets. The only shell that signs what others wrote: each target has its own header. */
export class BroadcastShell {
  readonly #options: BroadcastShellOptions
  readonly #links: EngineLinks
  #in: Socket | undefined
  #out: Socket | undefined

  constructor(options: BroadcastShellOptions) {
    this.#options = options
    this.#links = new EngineLinks({
      send: message => this.#out!.send(message),
      onLost: engine => options.registrar.linkLost(engine, 'broadcast'),
      onJoined: engine => options.registrar.linkJoined(engine, 'broadcast'),
    })
  }

  attach(clients: Socket, engines: Socket): void {
    this.#in = clients
    this.#out = engines
  }

  engineJoined(engine: string, id: number): void {
    this.#links.admit(engine)
    this.#happened({ type: 'engine_joined', engine, id })
  }

  engineLeft(engine: string, cause: DeathCause | undefined): void {
    this.#links.dismiss(engine)
    this.#happened({ type: 'engine_left', engine, cause })
  }

  peer(event: PeerEvent): void {
    this.#links.peer(event)
  }

  fromClient(frames: Frame[]): void {
    takeMessage(this.#options, 'broadcast', frames, 1, request => {
      void request.parentHeader
      this.#happened({ type: 'requested', client: request.frames[0]!, request })
    })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.#options, 'broadcast replies', frames, 2, reply => {
      const engine = reply.frames[0]!.toString('latin1')
      // The last routing frame is the client; before it an engine echoes whatever a scheduler had put there.
      const client = reply.frames[reply.delimiterAt - 1]!
      void reply.header
      void reply.parentHeader
      this.#happened({ type: 'replied', engine, client, reply })
    })
  }

  #happened(event: BroadcastEvent): void {
    for (const effect of this.#options.broadcast.handle(event)) this.#perform(effect)
  }

  #perform(effect: BroadcastEffect): void {
    const { session, warnings } = this.#options
    switch (effect.type) {
      case 'send_request': {
        const { engine, client, request, header, metadata } = effect
        const { parentHeader, contentFrame, buffers } = request
        this.#links.send(engine, [
          client,
          ...session.packParts(header, parentHeader, metadata, contentFrame, buffers),
        ])
        break
      }
      case 'forward_reply':
        this.#in!.send([effect.client, ...effect.reply.body])
        break
      case 'send_coalesced': {
        const { client, reply, metadata, buffers } = effect
        const { header, parentHeader, contentFrame } = reply
        this.#in!.send([client, ...session.packParts(header, parentHeader, metadata, contentFrame, buffers)])
        break
      }
      case 'answer_error': {
        const { client, header, metadata, error } = effect
        const body = session.pack({ type: 'apply_reply', parentHeader: header, metadata, content: error })
        this.#in!.send([client, ...body])
        break
      }
      case 'drop':
        warnings.warn(`dropped a message on broadcast: ${effect.why}`)
        break
    }
  }
}
