import type { EngineUuid } from '../base/ids.ts'
import type { Logger } from '../base/log.ts'
import { Dispatcher } from '../client/dispatcher.ts'
import { addRecord, type RecordOwner, type RequestRecord, settled } from '../client/request-record.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Transport } from '../transport/socket.ts'
import { type Program, packProgram } from './program.ts'
import type { SimulatedProcess } from './simulated-clock.ts'

/** One request of a simulation. */
export interface Order {
  readonly program: Program
  readonly route: 'direct' | 'balanced'
  readonly engine?: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Told its id just before it is sent. */
  readonly onSent: (msgId: string) => void
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
  /** Its connection to the balanced scheduler broke at some time: answers may have been made that nobody could see. */
  wasCut = false
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

  submit(order: Order): RequestRecord {
    const owner: RecordOwner = {
      [addRecord]: record => order.onSent(record.msgId),
      [settled]: order.onSettled,
    }
    return this.dispatcher.submit({
      route: order.route,
      engine: order.engine as EngineUuid | undefined,
      type: 'apply_request',
      metadata: order.metadata,
      buffers: [packProgram(order.program)],
      owner,
      decode: decodeText,
    })
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

function decodeText(reply: Envelope): string {
  return reply.buffers[0]!.toString()
}
