import type { Message } from '../transport/socket.ts'
import {
  type AsyncMapResult,
  failInput,
  feedWith,
  type MapFeed,
  nextPiece,
  untaken,
} from './async-map-result.ts'
import { ChunkSizer } from './chunk-sizer.ts'
import type { ColumnReader, Columns } from './columns.ts'
import { type RequestRecord, seal } from './request-record.ts'

/** How a balanced map is cut and sent. */
export interface MapRunOptions {
  /** Elements a message. */
  readonly chunkSize: number | 'auto'
  /** How many messages may be under way. */
  readonly maxOutstanding: number | 'auto'
  /** How many engines share the work, at this moment. */
  readonly engines: () => number
  /** @throws SerializationError when the function or an element cannot travel. */
  readonly pack: (columns: Columns) => Message
  /** Sends one piece; its request goes to the result. */
  readonly send: (buffers: Message, firstIndex: number) => void
}

/** Enough that an engine that ends a piece finds the next one waiting at the scheduler, for every engine. */
const OUTSTANDING_AN_ENGINE = 3
/** How far results may be ahead of the loop that takes them, where its input may be endless. */
const UNTAKEN_AN_ENGINE = 32
const UNTAKEN_ELEMENTS_MAX = 1_000_000

/** Most pieces that what is left is cut into when all of it must be sent at once. */
const URGENT_PIECES = 256

/**
 * Feeds a load-balanced `map`: reads its input as far as there is room, cuts it into messages, and sends more when some
 * have come back.
 */
export class MapRun implements MapFeed {
  readonly #result: AsyncMapResult<unknown>
  readonly #reader: ColumnReader
  readonly #options: MapRunOptions
  readonly #sizer = new ChunkSizer()
  #outstanding = 0
  #firstIndex = 0
  #isStopped = false
  /** Nobody may wait for room any more. */
  #isUrgent = false
  #isReading = false

  /** @throws what packing the first piece throws: a function that cannot travel is refused at the call. */
  constructor(result: AsyncMapResult<unknown>, reader: ColumnReader, options: MapRunOptions) {
    this.#result = result
    this.#reader = reader
    this.#options = options
    result[feedWith](this)
    try {
      this.#pump()
    } catch (error) {
      this.#fail(error)
      if (this.#firstIndex === 0) throw error
    }
  }

  pieceEnded(record: RequestRecord, size: number): void {
    this.#outstanding -= 1
    this.#sizer.finished(size, record.runMs)
    this.roomMade()
  }

  roomMade(): void {
    if (this.#isStopped) return
    // Called from the read loop: what goes wrong with the next piece belongs to the result.
    try {
      this.#pump()
    } catch (error) {
      this.#fail(error)
    }
  }

  sendAll(): void {
    this.#isUrgent = true
    this.roomMade()
  }

  stop(): boolean {
    if (this.#isStopped) return false
    this.#isStopped = true
    try {
      this.#reader.close()
    } catch (error) {
      this.#result[failInput](error)
    }
    this.#result[seal]()
    return true
  }

  #pump(): void {
    while (!this.#isStopped && !this.#isReading && this.#hasRoom()) {
      const piece = this.#read()
      if (piece instanceof Promise) this.#sendLater(piece)
      else this.#send(piece)
    }
  }

  /** What the input throws is the map's failure, never the caller's. */
  #read(): ReturnType<ColumnReader['read']> {
    try {
      return this.#reader.read(this.#nextSize())
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  #sendLater(piece: Promise<Columns | undefined>): void {
    this.#isReading = true
    piece
      .then(columns => {
        this.#isReading = false
        if (this.#isStopped) return
        this.#send(columns)
        this.#pump()
      })
      .catch(error => this.#fail(error))
  }

  #send(columns: Columns | undefined): void {
    if (columns === undefined) {
      this.stop()
      return
    }
    const size = columns[0]!.length
    const buffers = this.#options.pack(columns)
    const firstIndex = this.#firstIndex
    this.#firstIndex += size
    this.#outstanding += 1
    this.#result[nextPiece](size)
    this.#options.send(buffers, firstIndex)
  }

  #fail(error: unknown): void {
    this.#result[failInput](error)
    this.stop()
  }

  #hasRoom(): boolean {
    if (this.#isUrgent) return true
    const engines = Math.max(1, this.#options.engines())
    const { maxOutstanding } = this.#options
    const most = maxOutstanding === 'auto' ? engines * OUTSTANDING_AN_ENGINE : maxOutstanding
    if (this.#outstanding >= most) return false
    const { pieces, elements } = this.#result[untaken]
    return pieces < engines * UNTAKEN_AN_ENGINE && elements < UNTAKEN_ELEMENTS_MAX
  }

  #nextSize(): number {
    const { chunkSize, engines } = this.#options
    if (chunkSize !== 'auto') return chunkSize
    const { remaining } = this.#reader
    const size = this.#sizer.next(remaining, engines())
    // Nothing more will be learnt before all is sent.
    return this.#isUrgent ? Math.max(size, Math.ceil((remaining ?? 0) / URGENT_PIECES)) : size
  }
}
