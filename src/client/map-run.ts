import { type AsyncMapResult, failInput, feedWith, type MapFeed, nextPiece } from './async-map-result.ts'
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
  /** Sends one piece; its request goes to the result. */
  readonly send: (columns: Columns, firstIndex: number) => void
}

/** Enough that an engine that ends a piece finds the next one waiting at the scheduler, for every engine. */
const OUTSTANDING_AN_ENGINE = 3

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
    this.#pump()
  }

  pieceEnded(record: RequestRecord, size: number): void {
    this.#outstanding -= 1
    this.#sizer.finished(size, record.runMs)
    // Called from the read loop: what goes wrong with the next piece belongs to the result.
    if (this.#isStopped) return
    try {
      this.#pump()
    } catch (error) {
      this.#fail(error)
    }
  }

  sendAll(): void {
    this.#isUrgent = true
    this.#pump()
  }

  stop(): boolean {
    if (this.#isStopped) return false
    this.#isStopped = true
    this.#reader.close()
    this.#result[seal]()
    return true
  }

  #pump(): void {
    while (!this.#isStopped && !this.#isReading && this.#outstanding < this.#outstandingMax()) {
      const piece = this.#reader.read(this.#nextSize())
      if (piece instanceof Promise) this.#sendLater(piece)
      else this.#send(piece)
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
    this.#result[nextPiece](size)
    this.#outstanding += 1
    const firstIndex = this.#firstIndex
    this.#firstIndex += size
    this.#options.send(columns, firstIndex)
  }

  #fail(error: unknown): void {
    this.#result[failInput](error)
    this.stop()
  }

  #nextSize(): number {
    const { chunkSize, engines } = this.#options
    if (chunkSize !== 'auto') return chunkSize
    const { remaining } = this.#reader
    const size = this.#sizer.next(remaining, engines())
    // Nothing more will be learnt before all is sent.
    return this.#isUrgent ? Math.max(size, Math.ceil((remaining ?? 0) / URGENT_PIECES)) : size
  }

  #outstandingMax(): number {
    if (this.#isUrgent) return Number.POSITIVE_INFINITY
    const { maxOutstanding, engines } = this.#options
    return maxOutstanding === 'auto' ? Math.max(1, engines()) * OUTSTANDING_AN_ENGINE : maxOutstanding
  }
}
