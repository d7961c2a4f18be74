import { Alarm } from '../base/alarm.ts'
import type { Clock } from '../base/clock.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import { dateNow } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'
import { guarded, type Intake, takeMessage } from './incoming.ts'
import type { Registrar } from './registrar.ts'
import { RelayShell } from './relay-shell.ts'
import type { Broadcast, BroadcastEffect, BroadcastEvent } from './state/broadcast.ts'

export interface BroadcastShellOptions extends Intake {
  readonly clock: Clock
  readonly broadcast: Broadcast
  readonly registrar: Registrar
}

/** The broadcast scheduler's sockets. The only shell that signs what others wrote: each target has its own header. */
export class BroadcastShell extends RelayShell<BroadcastShellOptions> {
  readonly #alarm: Alarm

  constructor(options: BroadcastShellOptions) {
    super(options)
    this.#alarm = new Alarm(options.clock, () =>
      guarded(options.log, 'a tick of the broadcast scheduler', () => this.#happened({ type: 'tick' })),
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
    this.options.registrar.linkLost(engine, 'broadcast')
    this.#happened({ type: 'engine_disconnected', engine })
  }

  protected override linkJoined(engine: string): void {
    this.options.registrar.linkJoined(engine, 'broadcast')
    this.#happened({ type: 'engine_reconnected', engine })
  }

  fromClient(frames: Frame[]): void {
    takeMessage(this.options, 'broadcast', frames, 1, request => {
      void request.parentHeader
      this.#happened({ type: 'requested', client: request.frames[0]!, request })
    })
  }

  fromEngine(frames: Frame[]): void {
    takeMessage(this.options, 'broadcast replies', frames, 2, reply => {
      const engine = reply.frames[0]!.toString('latin1')
      // The last routing frame is the client; before it an engine echoes whatever a scheduler had put there.
      const client = reply.frames[reply.delimiterAt - 1]!
      void reply.header
      const { msg_id: msgId } = reply.parentHeader
      const { broadcast, registrar } = this.options
      if (msgId !== undefined && broadcast.isPending(engine, msgId)) registrar.answered(engine, msgId)
      this.#happened({ type: 'replied', engine, client, reply })
    })
  }

  close(): void {
    this.#alarm.close()
  }

  #happened(event: BroadcastEvent): void {
    const { broadcast, clock } = this.options
    for (const effect of broadcast.handle(event, clock.nowMs())) this.#perform(effect)
    this.#alarm.set(broadcast.wakeAtMs)
  }

  #perform(effect: BroadcastEffect): void {
    const { session, warnings } = this.options
    switch (effect.type) {
      case 'send_request': {
        const { engine, client, request, metadata, isAgain } = effect
        const header = isAgain ? { ...effect.header, date: dateNow() } : effect.header
        const { parentHeader, contentFrame, buffers } = request
        this.sendToEngine(engine, [
          client,
          ...session.packParts(header, parentHeader, metadata, contentFrame, buffers),
        ])
        break
      }
      case 'forward_reply':
        this.sendToClient([effect.client, ...effect.reply.body])
        break
      case 'send_coalesced': {
        const { client, reply, metadata, buffers } = effect
        const { header, parentHeader, contentFrame } = reply
        this.sendToClient([
          client,
          ...session.packParts(header, parentHeader, metadata, contentFrame, buffers),
        ])
        break
      }
      case 'answer_error': {
        const { client, header, metadata, error } = effect
        const body = session.pack({ type: 'apply_reply', parentHeader: header, metadata, content: error })
        this.sendToClient([client, ...body])
        break
      }
      case 'drop':
        warnings.warn(`dropped a message on broadcast: ${effect.why}`)
        break
    }
  }
}
