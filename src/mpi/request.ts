import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Argument } from './functions.ts'
import type { Native } from './native.ts'
import type { Progress } from './progress.ts'
import { Status } from './status.ts'

/** What a request came to. */
export interface Ended<Value> {
  readonly value: Value
  readonly status: Readonly<Status>
}

/**
 * A send, receive or collective call under way.
 *
 * @example
 * const request = MPI.COMM_WORLD.Irecv(buffer, 0)
 * compute()
 * request.wait()
 */
export abstract class Request<Value = void> {
  /** Of the process: it waits for all of a rank's requests alike. */
  protected abstract readonly progress: Progress
  /** Ranks in COMM_WORLD for which it waits; undefined: any. */
  protected abstract readonly partners: readonly number[] | undefined
  /** Set once it has ended. */
  protected ended: Ended<Value> | undefined

  /** Sets `ended` where it has; never blocks. */
  protected abstract poll(): void
  /** See `cancel`. */
  protected abstract giveUp(): boolean

  /**
   * Blocks until it has ended.
   *
   * @param status - is told about the message that came.
   * @returns the value that was received; nothing for sends, and for what a buffer holds.
   * @throws MPIError when it failed, or a rank that it waits for has.
   */
  wait(status?: Status): Value {
    if (this.ended === undefined) this.progress.wait(() => this.test(), this.partners)
    if (status !== undefined) Object.assign(status, this.ended!.status)
    return this.ended!.value
  }

  /** Whether it has ended; never blocks. @throws MPIError when it failed. */
  test(): boolean {
    if (this.ended === undefined) this.poll()
    return this.ended !== undefined
  }

  /** As `wait`, without blocking the event loop: timers and sockets live meanwhile. @throws MPIError when it failed. */
  async completed(): Promise<Value> {
    while (!this.test()) await nextTurn()
    return this.ended!.value
  }

  /** Gives up a receive whose message has not come. @returns whether it was given up: not when the message was there. */
  cancel(): boolean {
    return this.ended === undefined && this.giveUp()
  }

  /** Blocks until all have ended. @returns what each of them received. @throws MPIError as `wait`. */
  static waitAll<Values extends readonly unknown[]>(
    requests: { readonly [Index in keyof Values]: Request<Values[Index]> },
  ): Values {
    return requests.map(request => request.wait()) as unknown as Values
  }

  /** Blocks until one has ended. @returns its index; -1 when there is none. @throws MPIError as `wait`. */
  static waitAny(requests: readonly Request<unknown>[]): number {
    const [first] = requests
    let index = -1
    first?.progress.wait(() => {
      index = requests.findIndex(request => request.test())
      return index !== -1
    }, undefined)
    return index
  }

  /** Whether all have ended; never blocks. @throws MPIError when one failed. */
  static testAll(requests: readonly Request<unknown>[]): boolean {
    return requests.map(request => request.test()).every(Boolean)
  }
}

/** Requests that the library works on: their memory must not be let go, whoever forgets them. */
const live = new Set<object>()

export interface NativeRequestOptions {
  readonly native: Native
  readonly progress: Progress
  readonly cell: Int32Array
  /** Memory that the library reads or writes. */
  readonly memory: readonly Argument[]
  /** Ranks in COMM_WORLD for which it waits; undefined: any. */
  readonly partners: readonly number[] | undefined
  /** Called once, when it has ended and `native` still knows its status. */
  readonly finish: () => Readonly<Status>
}

/** A request of the library's. */
export class NativeRequest extends Request {
  readonly #options: NativeRequestOptions

  constructor(options: NativeRequestOptions) {
    super()
    this.#options = options
    live.add(this)
  }

  protected get progress(): Progress {
    return this.#options.progress
  }

  protected get partners(): readonly number[] | undefined {
    return this.#options.partners
  }

  protected poll(): void {
    const { native, cell, finish } = this.#options
    try {
      if (!native.test(cell)) return
      this.ended = { value: undefined, status: finish() }
    } catch (error) {
      live.delete(this)
      throw error
    }
    live.delete(this)
    // Last: an interrupt may end this function anywhere, and the cell must not have a second owner then.
    native.release(cell)
  }

  protected giveUp(): boolean {
    const { native, progress, cell } = this.#options
    native.call('MPI_Cancel', cell)
    let isCancelled = false
    progress.wait(() => {
      if (!native.test(cell)) return false
      isCancelled = native.isCancelled
      return true
    }, [])
    this.ended = { value: undefined, status: new Status() }
    live.delete(this)
    native.release(cell)
    return isCancelled
  }
}
