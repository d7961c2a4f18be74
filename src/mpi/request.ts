import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BufferArgument } from './functions.ts'
import type { Native } from './native.ts'
import type { Progress } from './progress.ts'
import type { Status } from './status.ts'

/** Requests that the library works on: their memory must not be let go, whoever forgets them. */
const live = new Set<object>()

export interface RequestOptions<Value> {
  readonly native: Native
  readonly progress: Progress
  readonly cell: Int32Array
  /** Memory that the library reads or writes. */
  readonly memory: BufferArgument
  /** Ranks in COMM_WORLD for which it waits; undefined: any. */
  readonly partners: readonly number[] | undefined
  /** Called once, when it has ended; the message's source and tag can be read then. */
  readonly finish: () => Value
}

/**
 * A send or receive under way.
 *
 * @example
 * const request = MPI.COMM_WORLD.Irecv(buffer, 0)
 * compute()
 * request.wait()
 */
export class Request<Value = void> {
  readonly #options: RequestOptions<Value>
  #ended: { readonly value: Value; readonly source: number; readonly tag: number } | undefined

  constructor(options: RequestOptions<Value>) {
    this.#options = options
    live.add(this)
  }

  /** Blocks until it has ended. @returns what was received; nothing for sends and buffers. @throws MPIError */
  wait(status?: Status): Value {
    if (this.#ended === undefined) this.#options.progress.wait(() => this.test(), this.#options.partners)
    const { value, source, tag } = this.#ended!
    if (status !== undefined) Object.assign(status, { source, tag })
    return value
  }

  /** Whether it has ended; never blocks. @throws MPIError */
  test(): boolean {
    if (this.#ended !== undefined) return true
    const { native, cell, finish } = this.#options
    try {
      if (!native.test(cell)) return false
    } catch (error) {
      live.delete(this)
      throw error
    }
    const { source, tag } = native
    this.#ended = { value: finish(), source, tag }
    live.delete(this)
    // Last: an interrupt may end this function anywhere, and the cell must not have a second owner then.
    native.release(cell)
    return true
  }

  /** Waits without blocking the event loop: timers and sockets live meanwhile. */
  async completed(): Promise<Value> {
    while (!this.test()) await nextTurn()
    return this.#ended!.value
  }

  /** Gives up a receive whose message has not come. */
  cancel(): void {
    if (this.#ended !== undefined) return
    this.#options.native.call('MPI_Cancel', this.#options.cell)
    this.#options.progress.wait(() => this.test(), [])
  }

  /** Blocks until all have ended. */
  static waitAll<Values extends readonly unknown[]>(
    requests: {
      readonly [Index in keyof Values]: Request<Values[Index]>
    },
  ): Values {
    return requests.map(request => request.wait()) as unknown as Values
  }
}
