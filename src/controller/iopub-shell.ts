import type { Envelope } from '../protocol/envelope.ts'
import type { Frame, Socket } from '../transport/socket.ts'
import { type Intake, parentIdOf, takeMessage } from './incoming.ts'
import type { Registrar } from './registrar.ts'

export interface IopubShellOptions extends Intake {
  readonly registrar: Registrar
  /** An engine says that it shuts down. */
  readonly onShutdown: (engine: string, restart: boolean) => void
  /** An engine asks a client for parts of a call. */
  readonly onPartsWanted: (engine: string, client: string, digests: unknown) => void
}

/** The output relay: passes on what engines print, byte for byte, and notes what belongs to a request's record. */
export class IopubShell {
  readonly #options: IopubShellOptions
  #clients: Socket | undefined

  constructor(options: IopubShellOptions) {
    this.#options = options
  }

  attach(clients: Socket): void {
    this.#clients = clients
  }

  fromEngine(frames: Frame[]): void {
    // `iopub_welcome` has no topic, so nothing need stand before the delimiter.
    takeMessage(this.#options, 'iopub', frames, 0, message => {
      this.#clients!.send(frames)
      this.#note(message)
    })
  }

  #note(message: Envelope): void {
    const { msg_type: type, session } = message.header
    if (type === 'shutdown_reply') {
      if (typeof session === 'string') this.#options.onShutdown(session, message.content.restart === true)
      return
    }
    if (type === 'parts_request')
      this.#options.onPartsWanted(
        String(session),
        String(message.parentHeader.session),
        message.content.digests,
      )
    const msgId = parentIdOf(message)
    if (msgId === undefined) return
    const { registrar } = this.#options
    if (type !== 'status') registrar.records.output(msgId, type, message.content)
    registrar.outputCame(msgId)
  }
}
