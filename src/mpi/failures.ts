import type { Handle } from './abi.ts'
import type { Native } from './native.ts'

const TAG = 1
/** A text that travels at once, whether or not anybody is waiting for it. */
const TEXT_BYTES_MAX = 1000

/** A rank that said it failed, and has not been heard of since. */
export interface Failure {
  readonly rank: number
  readonly text: string
  /** When this process learnt of it, on its monotonic clock. */
  readonly seenMs: number
}

/**
 * Which ranks have failed: a rank whose program threw tells all others, so that none of them waits for it for ever. It
 * counts as failed until its next message, since an engine lives on after an error.
 *
 * Ranks are those of COMM_WORLD, and the messages go over a communicator of their own.
 */
export class Failures {
  readonly #native: Native
  readonly #comm: Handle
  readonly #rank: number
  readonly #size: number
  readonly #failed = new Map<number, Failure>()
  #announced = 0
  /** Requests and texts that are under way. */
  #sending: { readonly request: Int32Array; readonly bytes: Buffer }[] = []

  constructor(native: Native, comm: Handle, rank: number, size: number) {
    this.#native = native
    this.#comm = comm
    this.#rank = rank
    this.#size = size
  }

  /** How often this rank has failed. */
  get announced(): number {
    return this.#announced
  }

  /** Tells everybody that this rank failed. */
  announce(error: unknown): void {
    this.#announced += 1
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const bytes = Buffer.from(text).subarray(0, TEXT_BYTES_MAX)
    const { datatypes } = this.#native.abi
    this.#sending = this.#sending.filter(({ request }) => !this.#native.test(request))
    for (let rank = 0; rank < this.#size; rank++) {
      if (rank === this.#rank) continue
      const request = this.#native.request(
        'MPI_Isend',
        bytes,
        bytes.length,
        datatypes.BYTE,
        rank,
        TAG,
        this.#comm,
      )
      this.#sending.push({ request, bytes })
    }
  }

  /** Takes in what others have announced. */
  poll(nowMs: number): void {
    const { abi } = this.#native
    while (this.#native.probe(abi.anySource, TAG, this.#comm)) {
      const rank = this.#native.source
      const bytes = Buffer.alloc(this.#native.count(abi.datatypes.BYTE))
      const receive = this.#native.request(
        'MPI_Irecv',
        bytes,
        bytes.length,
        abi.datatypes.BYTE,
        rank,
        TAG,
        this.#comm,
      )
      // It is short, and has arrived.
      while (!this.#native.test(receive));
      this.#failed.set(rank, { rank, text: bytes.toString(), seenMs: nowMs })
    }
  }

  /** A message of that rank came: it goes on. */
  heardFrom(rank: number): void {
    if (this.#failed.size > 0) this.#failed.delete(rank)
  }

  /** The first of `ranks` (default: any) that has failed. */
  among(ranks: readonly number[] | undefined): Failure | undefined {
    for (const failure of this.#failed.values())
      if (ranks === undefined || ranks.includes(failure.rank)) return failure
    return undefined
  }
}
