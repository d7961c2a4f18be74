import { TaskAborted } from '../errors.ts'
import { AsyncResult } from './async-result.ts'
import { addRecord, type RequestRecord, settled, taskIds } from './request-record.ts'
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
  /** Send no more. Tells whether there was anything left to send. */
  stop(): boolean
}

/** For whoever feeds it: announces how many elements the next request carries. */
export const nextPiece = Symbol('nextPiece')
/** For whoever feeds it: joins the two. */
export const feedWith = Symbol('feedWith')
/** For whoever feeds it: the input itself failed. */
export const failInput = Symbol('failInput')

interface Piece {
  readonly record: RequestRecord
  readonly size: number
}

/**
 * The pending values of a `map`. `await` gives them all, in input order; `for await` gives each as soon as it is there,
 * in input order or (with `ordered: false`) as they come.
 *
 * Its first error ends it, unless the map was asked to return exceptions: what has not been sent is not sent any more.
 *
 * @example
 * for await (const square of view.map(x => x * x, [1, 2, 3])) console.log(square)
 */
export class AsyncMapResult<R> extends AsyncResult<R[], 'many'> implements AsyncIterable<R> {
  readonly #options: AsyncMapOptions
  readonly #pieces: Piece[] = []
  readonly #pieceOf = new Map<RequestRecord, Piece>()
  /** Pieces in the order in which they ended. */
  readonly #ended: Piece[] = []
  #elementsSent = 0
  #elementsDone = 0
  #size = 0
  #failure: { readonly error: unknown } | undefined
  #feed: MapFeed | undefined
  #listeners: (() => void)[] = []

  constructor(host: ResultHost, options: AsyncMapOptions) {
    super(host, 'map', false)
    this.#options = options
  }

  /** How many elements there are; of an input whose end is not known yet, how many were sent. */
  override get length(): number {
    return this.#options.total ?? this.#elementsSent
  }

  /** How many elements are done. */
  override get progress(): number {
    return this.#elementsDone
  }

  override async abort(): Promise<void> {
    this.#stopFeed(undefined)
    await super.abort()
  }

  override cancel(reason?: unknown): boolean {
    const wasOpen = !this.ready()
    this.#stopFeed(reason)
    super.cancel(reason)
    return wasOpen
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    const order = this.#options.ordered ? this.#pieces : this.#ended
    for (let next = 0; ; next++) {
      while (next >= order.length || !order[next]!.record.isSettled) {
        if (this.ready() && next >= order.length) return this.#throwFailure()
        if (this.#failure !== undefined) this.#throwFailure()
        await this.#change()
      }
      // One await a piece and not one an element: a million elements would cost a million turns.
      for (const value of await this.#valuesOf(order[next]!)) yield value
    }
  }

  /** Who depends on it depends on all of it: what has not been sent is sent now. */
  override [taskIds](): string[] {
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
    this.#failure ??= { error }
    this.#wake()
  }

  override [addRecord](record: RequestRecord): void {
    const piece = { record, size: this.#size }
    this.#pieces.push(piece)
    this.#pieceOf.set(record, piece)
    this.#elementsSent += piece.size
    super[addRecord](record)
  }

  override [settled](record: RequestRecord): void {
    const piece = this.#pieceOf.get(record)!
    this.#pieceOf.delete(record)
    this.#ended.push(piece)
    this.#elementsDone += piece.size
    const { error } = record
    if (error !== undefined && !this.#options.returnExceptions && this.#failure === undefined)
      this.#fail(error)
    // The feed goes first: it may send more, and the whole is not ready before that.
    this.#feed?.pieceEnded(record, piece.size)
    super[settled](record)
    this.#wake()
  }

  protected override collect(): R[] | Promise<R[]> {
    this.#throwFailure()
    const parts = this.#pieces.map(piece => this.#valuesOf(piece))
    if (!parts.some(part => part instanceof Promise)) return concatenate(parts as ArrayLike<R>[])
    return Promise.all(parts).then(concatenate)
  }

  /** Ends the map: nothing more is sent, what has not started is not run, and nobody waits for what runs. */
  #fail(error: unknown): void {
    this.#failure = { error }
    this.#feed?.stop()
    const open = this.records.filter(record => !record.isSettled)
    this.host.cancel(open, error, false)
  }

  /** A map whose input was not read to its end has no result, whatever becomes of what was sent. */
  #stopFeed(reason: unknown): void {
    if (this.ready() || this.#feed === undefined) return
    const error = new TaskAborted('the map was aborted before all of its input was sent', { cause: reason })
    const failure = this.#failure
    this.#failure ??= { error }
    if (!this.#feed.stop()) this.#failure = failure
    this.#wake()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #valuesOf(piece: Piece): (ArrayLike<R> & Iterable<R>) | Promise<ArrayLike<R> & Iterable<R>> {
    const { error } = piece.record
    // What was given up because of the first error does not speak for itself.
    if (error !== undefined) this.#throwFailure()
    if (error === undefined || !this.#options.returnExceptions) return piece.record.take() as R[]
    return new Array<R>(piece.size).fill(error as R)
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#listeners.push(resolve))
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
