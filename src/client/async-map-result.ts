import { TaskAborted, UsageError } from '../errors.ts'
import type { MaybePromise } from '../serialize/payload.ts'
import { AsyncResult } from './async-result.ts'
import { errorsOfAll, valuesBeforeFailure, valuesWithErrors } from './partial-values.ts'
import { addRecord, type RequestRecord, seal, settled, taskIds } from './request-record.ts'
import type { ResultHost } from './result-host.ts'

export interface AsyncMapOptions {
  /** Iterate in input order, or as results come. */
  readonly ordered: boolean
  /** Put errors in the results instead of failing at the first. */
  readonly returnExceptions: boolean
  /** How many elements there are; undefined where only the end of the input tells. */
  readonly total: number | undefined
}

/** What feeds an AsyncMapResult, for as long as there is anything left to send. */
export interface MapFeed {
  pieceEnded(record: RequestRecord, size: number): void
  /** Send all that is left now, however much is under way. */
  sendAll(): void
  /** Somebody has taken values that were waiting: there may be room for more. */
  roomMade(): void
  /** Send no more. Tells whether there was anything left to send. */
  stop(): boolean
}

/** For whoever feeds it: announces how many elements the next request carries. */
export const nextPiece = Symbol('nextPiece')
/** For whoever feeds it: joins the two. */
export const feedWith = Symbol('feedWith')
/** For whoever feeds it: the input itself failed. */
export const failInput = Symbol('failInput')
/** For whoever feeds it: how much has come that a loop over the values has yet to take. */
export const untaken = Symbol('untaken')

interface Piece {
  readonly record: RequestRecord
  readonly size: number
  /** Its place in the input. */
  readonly position: number
  /** Its place among those that have ended. */
  endedAs: number
}

/** Why a map has no result, and up to which piece its values can be iterated all the same. */
interface Failure {
  readonly error: unknown
  readonly lastPosition: number
}

/** Pieces whose values are let go are taken out of the list of requests when there are so many. */
const LET_GO_AT_ONCE = 64

/**
 * The pending values of a `map`. `await` gives them all, in input order; `for await` gives each as soon as it is there,
 * in input order or (with `ordered: false`) as they come.
 *
 * Its first error ends it, unless the map was asked to return exceptions: what stands behind the element that failed is
 * not run any more, and the error says by its `index` which one it was. In order, this is the error that a plain loop
 * over the input would have met first, after the values before it; as they come, it is the one that came first.
 *
 * Leaving a `for await` early ends the map as `cancel` does, unless it is awaited as well. Of an input whose length is
 * not known (a generator, an async iterable) values are let go once they were iterated, so that it may be endless; await
 * such a map before it is iterated, or instead.
 *
 * @example
 * for await (const square of view.map(x => x * x, [1, 2, 3])) console.log(square)
 */
export class AsyncMapResult<R> extends AsyncResult<R[], 'many'> implements AsyncIterable<R> {
  readonly #options: AsyncMapOptions
  /** In input order, by their position. */
  readonly #pieces = new Map<number, Piece>()
  readonly #pieceOf = new Map<RequestRecord, Piece>()
  /** In the order in which they ended. */
  readonly #ended = new Map<number, Piece>()
  #sent = 0
  #endedCount = 0
  #elementsSent = 0
  #elementsDone = 0
  #elementsTaken = 0
  #size = 0
  #failure: Failure | undefined
  #feed: MapFeed | undefined
  #listeners: (() => void)[] = []
  /** Loops over the values that are under way. */
  #loops = 0
  #isKept: boolean
  #letGo = { pieces: 0, runMs: 0, hadErrors: false }

  constructor(host: ResultHost, options: AsyncMapOptions) {
    super(host, 'map', false)
    this.#options = options
    this.#isKept = options.total !== undefined
  }

  /** How many elements there are; of an input whose end is not known yet, how many were sent. */
  override get length(): number {
    return this.#options.total ?? this.#elementsSent
  }

  /** How many elements are done. */
  override get progress(): number {
    return this.#elementsDone
  }

  override get serialTime(): number {
    const held = [...this.#pieces.values()].reduce((sum, { record }) => sum + record.runMs, 0)
    return (held + this.#letGo.runMs) / 1000
  }

  override successful(): boolean {
    return super.successful() && this.#failure === undefined && !this.#letGo.hadErrors
  }

  override async abort(): Promise<void> {
    this.#stopFeed()
    await super.abort()
  }

  override cancel(reason?: unknown): boolean {
    if (this.ready()) return false
    this.#giveUp(new TaskAborted('the map was aborted', { cause: reason }))
    return true
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    this.#checkIsWhole()
    // Two loops need all of it, as long as nothing is lost.
    this.#isKept ||= this.#loops > 0
    this.#loops += 1
    let isLeft = true
    try {
      for (let next = 0; ; next++) {
        const piece = this.#readyPiece(next) ?? (await this.#waitForPiece(next))
        if (piece === undefined) break
        // One await a piece and not one an element: a million elements would cost a million turns.
        const values = this.#valuesOf(piece)
        for (const value of values instanceof Promise ? await values : values) yield value
        this.#taken(piece)
      }
      isLeft = false
      this.#throwFailure()
    } finally {
      this.#loops -= 1
      if (isLeft) this.#left()
    }
  }

  /** Who depends on it depends on all of it: what has not been sent is sent now. */
  override [taskIds](): string[] {
    this.#checkIsWhole()
    this.#feed?.sendAll()
    return super[taskIds]()
  }

  [feedWith](feed: MapFeed): void {
    this.#feed = feed
  }

  [nextPiece](size: number): void {
    this.#size = size
  }

  [failInput](error: unknown): void {
    this.#failure ??= {
      error,
      lastPosition: this.#options.ordered ? this.#sent - 1 : Number.POSITIVE_INFINITY,
    }
    this.#wake()
  }

  /** Nothing waits where nobody iterates, or where it is wanted as a whole. */
  get [untaken](): { readonly pieces: number; readonly elements: number } {
    if (this.#isKept || this.#loops === 0) return { pieces: 0, elements: 0 }
    return { pieces: this.#ended.size, elements: this.#elementsDone - this.#elementsTaken }
  }

  override [addRecord](record: RequestRecord): void {
    const piece = { record, size: this.#size, position: this.#sent, endedAs: -1 }
    this.#pieces.set(piece.position, piece)
    this.#pieceOf.set(record, piece)
    this.#sent += 1
    this.#elementsSent += piece.size
    super[addRecord](record)
  }

  override [settled](record: RequestRecord): void {
    const piece = this.#pieceOf.get(record)!
    this.#pieceOf.delete(record)
    piece.endedAs = this.#endedCount
    this.#ended.set(piece.endedAs, piece)
    this.#endedCount += 1
    this.#elementsDone += piece.size
    if (record.error !== undefined && !this.#options.returnExceptions) this.#pieceFailed(piece, record.error)
    // The feed goes first: it may send more, and the whole is not ready before that.
    this.#feed?.pieceEnded(record, piece.size)
    super[settled](record)
    this.#wake()
  }

  override [seal](): this {
    super[seal]()
    this.#wake()
    return this
  }

  protected override beforeAwaited(): void {
    this.#checkIsWhole()
    this.#isKept = true
    this.#feed?.roomMade()
  }

  protected override collect(): R[] | Promise<R[]> {
    this.#throwFailure()
    const parts = [...this.#pieces.values()].map(piece => this.#valuesOf(piece))
    if (!parts.some(part => part instanceof Promise)) return concatenate(parts as ArrayLike<R>[])
    return Promise.all(parts).then(concatenate)
  }

  /** In order, what stands before the piece goes on: it may hold an error that comes first. */
  #pieceFailed(piece: Piece, error: unknown): void {
    const { ordered } = this.#options
    const failure = this.#failure
    const place = ordered ? piece.position : piece.endedAs
    if (failure !== undefined && (!ordered || failure.lastPosition < place)) return
    this.#failure = { error, lastPosition: place }
    this.#feed?.stop()
    const open = [...this.#pieceOf.values()].filter(other => !ordered || other.position > place)
    // Nobody waits for what runs.
    this.host.cancel(
      open.map(other => other.record),
      error,
      false,
    )
  }

  /** Ends it at once: whatever comes is not its result. */
  #giveUp(error: TaskAborted): void {
    this.#failure = { error, lastPosition: -1 }
    this.#feed?.stop()
    super.cancel(error.cause)
    this.#wake()
  }

  /** A map whose input was not read to its end has no result, whatever becomes of what was sent. */
  #stopFeed(): void {
    if (this.ready() || this.#feed === undefined) return
    const failure = this.#failure
    this[failInput](new TaskAborted('the map was aborted before all of its input was sent'))
    if (!this.#feed.stop()) this.#failure = failure
  }

  /** A loop over the values was left before its end: nobody wants the rest, unless it is wanted by others. */
  #left(): void {
    if (this.#loops > 0 || this.isAwaited || this.ready()) return
    this.#giveUp(new TaskAborted('the map was ended by a loop over its values that was left early'))
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #checkIsWhole(): void {
    if (this.#letGo.pieces === 0) return
    this.#throwFailure()
    throw new UsageError(
      'the values of this map were let go as they were iterated, because its input may be endless: await it before it is iterated, or collect the values in the loop',
    )
  }

  /** The piece that is iterated as number `next`, if it has ended. */
  #readyPiece(next: number): Piece | undefined {
    if (this.#failure !== undefined && next > this.#failure.lastPosition) return undefined
    const piece = (this.#options.ordered ? this.#pieces : this.#ended).get(next)
    return piece?.record.isSettled === true ? piece : undefined
  }

  /** Waits for it; undefined when there is no such piece. */
  async #waitForPiece(next: number): Promise<Piece | undefined> {
    for (;;) {
      const piece = this.#readyPiece(next)
      if (piece !== undefined) return piece
      if (this.ready() || (this.#failure !== undefined && next > this.#failure.lastPosition)) return undefined
      await new Promise<void>(resolve => this.#listeners.push(resolve))
    }
  }

  #valuesOf(piece: Piece): MaybePromise<ArrayLike<R> & Iterable<R>> {
    const { record, size } = piece
    const { error, partial } = record
    if (error === undefined) return record.take() as R[]
    if (!this.#options.returnExceptions)
      return (partial === undefined ? [] : valuesBeforeFailure(partial)) as MaybePromise<R[]>
    const values =
      partial === undefined ? errorsOfAll(error, size, record) : valuesWithErrors(partial, record)
    return values as MaybePromise<R[]>
  }

  #taken(piece: Piece): void {
    this.#elementsTaken += piece.size
    if (this.#isKept) return
    const { record } = piece
    this.#letGo.pieces += 1
    this.#letGo.runMs += record.runMs
    this.#letGo.hadErrors ||= record.hasFailed
    this.#pieces.delete(piece.position)
    this.#ended.delete(piece.endedAs)
    record.letGo()
    if (this.records.length > 2 * (this.#pieces.size + LET_GO_AT_ONCE)) this.#forgetRecords()
    this.#feed?.roomMade()
  }

  /** Its first request stays, which tells when it began. */
  #forgetRecords(): void {
    const first = this.records[0]!
    const held = [...this.#pieces.values()].map(({ record }) => record)
    this.records = held[0] === first ? held : [first, ...held]
  }

  #wake(): void {
    if (this.#listeners.length === 0) return
    const listeners = this.#listeners
    this.#listeners = []
    for (const wake of listeners) wake()
  }
}

function concatenate<R>(parts: readonly ArrayLike<R>[]): R[] {
  if (parts.length === 1 && Array.isArray(parts[0])) return parts[0]
  const all = new Array<R>(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) for (let i = 0; i < part.length; i++) all[at++] = part[i]!
  return all
}
