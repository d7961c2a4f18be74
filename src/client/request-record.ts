import type { EngineUuid, MessageId } from '../base/ids.ts'
import { TaskAborted } from '../errors.ts'
import type { ReplyMetadata } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { OutgoingMessage } from '../protocol/session.ts'
import type { MaybePromise } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import type { Output } from './outputs.ts'
import { engineDied, errorFromReply } from './reply-errors.ts'
import type { Outcome, OutstandingRequest, Route } from './state/requests.ts'
import { wireDateMs } from './wire-date.ts'

/** What an owner of requests is told. By symbols, because AsyncResult is one, and users hold it. */
export const addRecord = Symbol('addRecord')
export const seal = Symbol('seal')
export const settled = Symbol('settled')
/** Ids of all its requests, for a task that depends on them. */
export const taskIds = Symbol('taskIds')
export const outputCame = Symbol('outputCame')

/** Who wants to know what becomes of requests. */
export interface RecordOwner {
  /** A request was made for it. */
  [addRecord](record: RequestRecord): void
  /** One has ended. */
  [settled](record: RequestRecord): void
  /** One has shown something, which is among its outputs already. */
  [outputCame]?(record: RequestRecord, output: Output): void
}

/** Turns an ok reply into the value that the request was for. */
export type Decode = (reply: Envelope, record: RequestRecord) => MaybePromise<unknown>

/** What is known of a request before it is sent. */
export interface RequestFacts {
  readonly msgId: MessageId
  readonly route: Route
  readonly engine: EngineUuid | undefined
  readonly endsWithIdle: boolean
  readonly owner: RecordOwner
  readonly decode: Decode
  readonly submittedMs: number
  /** Position of its first element in the whole sequence of a `map`. */
  readonly firstIndex: number
  readonly engines: EngineNumbers
}

/** Where engine numbers are looked up. */
export interface EngineNumbers {
  idOf(uuid: string): number | undefined
}

/** What nearly every content is: recognized without parsing it. */
const PLAIN_OK = Buffer.from('{"status":"ok"}')

/** As our own ends write it; others may put spaces, and are read in full. */
const DATE_KEY = '"date":"'

const PENDING = 0
const PACKED = 1
const VALUE = 2
const FAILED = 3

/**
 * One request and what came of it. There is one for each of 20,000 tasks in flight, so it holds plain fields, and reads
 * the reply only when somebody asks: a result that nobody takes costs nothing, and the frames are let go once it is taken.
 */
export class RequestRecord implements OutstandingRequest {
  readonly msgId: MessageId
  readonly route: Route
  readonly engine: EngineUuid | undefined
  readonly endsWithIdle: boolean
  readonly owner: RecordOwner
  /** For a request of another client it is known only when its record comes. */
  submittedMs: number
  readonly firstIndex: number
  receivedMs = 0
  /** Undefined: none came. */
  outputs: Output[] | undefined
  /** Buffers of a failed piece of a map that tell of its single elements. */
  partial: Message | undefined
  /** What wants to be told when it ends, besides the owner: the group of an AbortSignal. */
  group: Set<RequestRecord> | undefined
  /** What is sent again when the connection breaks; let go as soon as the request has ended. */
  sent: OutgoingMessage | undefined

  readonly #decode: Decode
  #state = PENDING
  #reply: Envelope | undefined
  #result: unknown
  #answeredBy: EngineUuid | undefined
  readonly #engines: EngineNumbers
  #startedMs = Number.NaN
  #completedMs = Number.NaN
  #runMs = Number.NaN

  constructor(facts: RequestFacts) {
    this.msgId = facts.msgId
    this.route = facts.route
    this.engine = facts.engine
    this.endsWithIdle = facts.endsWithIdle
    this.owner = facts.owner
    this.submittedMs = facts.submittedMs
    this.firstIndex = facts.firstIndex
    this.#decode = facts.decode
    this.#engines = facts.engines
  }

  get isSettled(): boolean {
    return this.#state !== PENDING
  }

  get engineUuid(): EngineUuid | undefined {
    return this.#answeredBy ?? this.engine
  }

  get engineId(): number | undefined {
    const uuid = this.engineUuid
    return uuid === undefined ? undefined : this.#engines.idOf(uuid)
  }

  /** Moments as ms since 1970, NaN where they are not known: when the engine began and ended it, by its own clock. */
  get startedMs(): number {
    return this.#startedMs
  }

  get completedMs(): number {
    if (Number.isNaN(this.#completedMs) && this.#reply !== undefined)
      this.#completedMs = wireDateMs(headerDate(this.#reply))
    return this.#completedMs
  }

  /** How long the engine worked on it, in ms; 0 where that is not known. */
  get runMs(): number {
    if (!Number.isNaN(this.#runMs)) return this.#runMs
    const byDates = this.completedMs - this.#startedMs
    return Number.isNaN(byDates) ? 0 : byDates
  }

  /** An engine has said something about it: it runs there. */
  heardFrom(engine: EngineUuid): void {
    this.#answeredBy = engine
  }

  /** Takes the outcome. Reads nothing but the reply's metadata, which were parsed already. */
  settle(outcome: Outcome<Envelope>, receivedMs: number): void {
    this.receivedMs = receivedMs
    this.sent = undefined
    switch (outcome.type) {
      case 'reply':
        this.#takeReply(outcome.reply)
        break
      case 'engine_died':
        this.fail(engineDied(this.#place(), outcome.cause))
        break
      case 'given_up':
        this.fail(new TaskAborted(`task ${this.msgId} was aborted`, { cause: outcome.reason }))
        break
      case 'disconnected':
        this.fail(outcome.reason)
        break
    }
  }

  /** Ends it with an error of our own. */
  fail(error: unknown): void {
    this.#state = FAILED
    this.#result = error
    this.#reply = undefined
  }

  /** Whether it ended with an error. Reads the reply where that is needed to know. */
  get hasFailed(): boolean {
    return this.error !== undefined
  }

  /** The error that it ended with; undefined when it has not ended, or ended well. */
  get error(): Error | undefined {
    if (this.#state === PACKED) this.#lookForError(this.#reply!)
    return this.#state === FAILED ? (this.#result as Error) : undefined
  }

  /**
   * The value. A promise where a module must be imported first to make it.
   *
   * @throws what the request failed with, and whatever reading it throws.
   */
  take(): MaybePromise<unknown> {
    if (this.error !== undefined) throw this.#result
    if (this.#state !== PACKED) return this.#result
    const reply = this.#reply!
    let value: MaybePromise<unknown>
    try {
      value = this.#decode(reply, this)
    } catch (error) {
      this.fail(error)
      throw error
    }
    void this.completedMs
    this.#state = VALUE
    this.#result = value
    this.#reply = undefined
    if (value instanceof Promise) return this.#takeLater(value)
    return value
  }

  /** Holds the value no longer. */
  letGo(): void {
    this.#state = VALUE
    this.#result = undefined
    this.#reply = undefined
    this.partial = undefined
    this.outputs = undefined
  }

  async #takeLater(promise: Promise<unknown>): Promise<unknown> {
    try {
      const value = await promise
      this.#result = value
      return value
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  #takeReply(reply: Envelope): void {
    this.#state = PACKED
    this.#reply = reply
    const metadata = readMetadata(reply)
    if (typeof metadata.engine === 'string') this.#answeredBy = metadata.engine as EngineUuid
    if (typeof metadata.started === 'string') this.#startedMs = wireDateMs(metadata.started)
    if (typeof metadata.run_ms === 'number') this.#runMs = metadata.run_ms
  }

  #lookForError(reply: Envelope): void {
    try {
      if (isOk(reply)) return
      void this.completedMs
      const { content, buffers } = reply
      const { error_frames: count } = content
      if (typeof count === 'number') this.partial = buffers.slice(count)
      const own = this.partial === undefined ? buffers : buffers.slice(0, Number(count))
      this.fail(errorFromReply(content, own, this.#place()))
    } catch (error) {
      // A reply that cannot be read is an answer all the same: the request must not wait for another.
      this.fail(error)
    }
  }

  #place() {
    const { msgId, engineUuid, engineId, firstIndex } = this
    return { msgId, engineUuid, engineId, firstIndex }
  }
}

/** What a reply says about itself; nothing, where that cannot be read. */
export function readMetadata(reply: Envelope): Partial<ReplyMetadata> {
  try {
    return reply.metadata as Partial<ReplyMetadata>
  } catch {
    return {}
  }
}

function isOk(reply: Envelope): boolean {
  return reply.contentFrame.equals(PLAIN_OK) || reply.content.status === 'ok'
}

/** The date in a reply's header, which every task has read for it: parsing all of the header would cost ten times more. */
function headerDate(reply: Envelope): string {
  const text = reply.headerFrame.toString('latin1')
  const start = text.indexOf(DATE_KEY) + DATE_KEY.length
  return start >= DATE_KEY.length ? text.slice(start, text.indexOf('"', start)) : reply.header.date
}
