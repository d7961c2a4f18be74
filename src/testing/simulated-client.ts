import type { EngineUuid } from '../base/ids.ts'
import type { Logger } from '../base/log.ts'
import { Dispatcher } from '../client/dispatcher.ts'
import { resubmit } from '../client/hub-queries.ts'
import { addRecord, type RecordOwner, type RequestRecord, settled } from '../client/request-record.ts'
import type { Outgoing } from '../client/submission.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { nodeRealm, unpackValue } from '../serialize/payload.ts'
import type { Transport } from '../transport/socket.ts'
import { type Program, packProgram } from './program.ts'
import type { Channel } from './sighting.ts'
import type { SimulatedProcess } from './simulated-clock.ts'

/** One request of a simulation. */
export interface Order {
  readonly program: Program
  readonly metadata: Readonly<Record<string, unknown>>
  /** Told just before it is sent, of a broadcast once for each target. */
  readonly onSent: (record: RequestRecord) => void
  /** Told each time that it ends, which must be once. */
  readonly onSettled: (record: RequestRecord) => void
}

export interface SimulatedClientOptions {
  readonly number: number
  readonly process: SimulatedProcess
  readonly transport: Transport
  readonly connection: ClientConnection
  readonly log: Logger
  /** How long it waits for a lost controller. */
  readonly lostPatienceMs: number
}

/** A client program: the real dispatcher, without the views that make functions into buffers. */
export class SimulatedClient {
  readonly number: number
  readonly process: SimulatedProcess
  readonly dispatcher: Dispatcher
  /** Its connections that broke at some time: answers may have been made there that nobody could see. */
  readonly cuts = new Set<Channel>()
  #isReady = false

  constructor(options: SimulatedClientOptions) {
    const { process, transport, connection, log, lostPatienceMs } = options
    this.number = options.number
    this.process = process
    this.dispatcher = new Dispatcher({
      connection,
      address: 'tcp://127.0.0.1',
      transport,
      clock: process,
      dateMs: () => process.nowMs(),
      log,
      lostPatienceMs,
      onEvent: () => {},
    })
  }

  get isReady(): boolean {
    return this.#isReady && this.process.isAlive && this.dispatcher.goneError === undefined
  }

  start(): void {
    this.dispatcher.open().then(
      () => {
        this.#isReady = true
      },
      // A client that is killed, or loses its controller, while it connects.
      () => {},
    )
  }

  /** @param engine - the one that it is for; undefined: any that the balanced scheduler chooses. */
  submit(order: Order, engine: string | undefined): void {
    const route = engine === undefined ? 'balanced' : 'direct'
    this.dispatcher.submit({ ...outgoing(order), route, engine: engine as EngineUuid | undefined })
  }

  /** @param isCoalescing - all answers shall come as one. */
  broadcast(order: Order, engines: readonly string[], isCoalescing: boolean): void {
    const { roster } = this.dispatcher
    const targets = engines.map(engine => ({
      uuid: engine as EngineUuid,
      id: roster.idOf(engine)!,
      language: 'javascript',
    }))
    this.dispatcher.broadcast(outgoing(order), targets, isCoalescing)
  }

  /** Has the hub submit a request again. @returns its value, or the error that it ends with. */
  async resubmit(msgId: string): Promise<unknown> {
    return await resubmit(this.dispatcher, msgId).get()
  }

  /** Asks for requests to be aborted; what the engines answer is of no interest. */
  abort(records: readonly RequestRecord[]): void {
    this.dispatcher.abort(records).catch(() => {})
  }

  /** Asks the hub something; the answer is of no interest. */
  ask(type: 'queue_request' | 'purge_request' | 'shutdown_request', content: object): void {
    this.dispatcher.ask('hub', type, content).catch(() => {})
  }
}

function outgoing({ program, metadata, onSent, onSettled }: Order): Outgoing {
  const owner: RecordOwner = { [addRecord]: onSent, [settled]: onSettled }
  const buffers = [packProgram(program)]
  return { type: 'apply_request', metadata, buffers, owner, decode: decodeValue }
}

function decodeValue(reply: Envelope): unknown {
  return unpackValue(reply.buffers, nodeRealm)
}
