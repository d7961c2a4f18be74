import type { Handle } from './abi.ts'
import type { Native } from './native.ts'

/** Tags of what is told. */
const FAILED = 1
const GOES_ON = 2
const HAS_ENDED = 3
/** A text that travels at once, whether or not anybody is waiting for it. */
const TEXT_BYTES_MAX = 1000
/** How long a rank waits at its end for the others before it tells them that it is there. */
const LATE_MS = 1000

/** A rank that said it failed, and has neither met the others nor begun anew since, or that has come to the end of its program. */
export interface Failure {
  readonly rank: number
  /** What it did, after its name in a sentence. */
  readonly text: string
  readonly hasEnded: boolean
  /** This rank has begun something else since it learnt of it: once that rank has as well, it is forgotten. */
  isPast: boolean
  /** That rank has begun something else. */
  goesOn: boolean
  /** When this process learnt of it, on its monotonic clock. */
  readonly seenMs: number
}

export interface FailuresOptions {
  readonly native: Native
  /** Of all ranks, and for this alone; undefined: there is nobody to tell. */
  readonly comm: Handle | undefined
  /** In COMM_WORLD, as all ranks here. */
  readonly rank: number
  readonly size: number
}

/**
 * Which ranks have failed: a rank whose program threw tells all others, so that none of them waits for it for ever. It
 * counts as failed until it meets them in a collective call, or until both it and who waits for it have begun something
 * else, since an engine lives on after an error. One that has come to its end, and
 * waits there for the others, never takes part again.
 */
export class Failures {
  readonly #options: FailuresOptions
  readonly #failed = new Map<number, Failure>()
  /** What each rank has told in all. */
  readonly #heard: Int32Array
  #told = 0
  #hasFailed = false
  #isBusy = false
  /** Requests and texts that are under way. */
  #sending: { readonly request: Int32Array; readonly bytes: Buffer }[] = []

  constructor(options: FailuresOptions) {
    this.#options = options
    this.#heard = new Int32Array(options.size)
  }

  /** Whether it must not be broken off: all ranks count what was told, and would never agree again. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Tells everybody that this rank failed. */
  announce(error: unknown): void {
    this.#hasFailed = true
    this.#tell(FAILED, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  }

  /** This rank begins something else. */
  beginAnew(nowMs: number): void {
    if (this.#hasFailed) this.#tell(GOES_ON, '')
    this.#hasFailed = false
    // Open MPI answers by what it knows, and then looks for what has come.
    for (let looks = 0; looks < 2; looks++) this.poll(nowMs)
    for (const failure of this.#failed.values()) {
      failure.isPast = true
      this.#forgetIfOver(failure)
    }
  }

  /** Takes in what others have announced. */
  poll(nowMs: number): void {
    const { native, comm } = this.#options
    const { anySource, anyTag, datatypes } = native.abi
    this.#isBusy = true
    while (comm !== undefined && native.probe(anySource, anyTag, comm)) {
      const { source: rank, tag } = native
      const bytes = Buffer.alloc(native.count(datatypes.BYTE))
      const receive = native.request('MPI_Irecv', bytes, bytes.length, datatypes.BYTE, rank, tag, comm)
      // It is short, and has arrived.
      while (!native.test(receive));
      native.release(receive)
      this.#heard[rank]! += 1
      this.#take(rank, tag, bytes.toString(), nowMs)
    }
    this.#isBusy = false
  }

  #take(rank: number, tag: number, said: string, seenMs: number): void {
    const known = this.#failed.get(rank)
    if (tag !== GOES_ON) {
      const hasEnded = tag === HAS_ENDED
      const text = hasEnded ? 'has come to the end of its program' : `failed: ${said}`
      this.#failed.set(rank, { rank, text, hasEnded, isPast: false, goesOn: false, seenMs })
    } else if (known !== undefined) {
      known.goesOn = true
      this.#forgetIfOver(known)
    }
  }

  #forgetIfOver({ rank, isPast, goesOn }: Failure): void {
    if (isPast && goesOn) this.#failed.delete(rank)
  }

  /** How often `ranks` have failed, as far as this one knows. */
  countOf(ranks: readonly number[]): number {
    const { rank: own } = this.#options
    return ranks.reduce((sum, rank) => sum + (rank === own ? this.#told : this.#heard[rank]!), 0)
  }

  /** These ranks go on. */
  forgive(ranks: readonly number[]): void {
    if (this.#failed.size === 0) return
    for (const rank of ranks) if (this.#failed.get(rank)?.hasEnded === false) this.#failed.delete(rank)
  }

  /** The first of `ranks` that has failed; undefined: of any, who have ended only when all others have. */
  among(ranks: readonly number[] | undefined): Failure | undefined {
    const failed = [...this.#failed.values()]
    if (ranks !== undefined) return failed.find(({ rank }) => ranks.includes(rank))
    const areAllGone = failed.length === this.#options.size - 1
    return failed.find(({ hasEnded }) => areAllGone || !hasEnded)
  }

  /**
   * Waits until all ranks have come to their ends, and takes in all that was told.
   *
   * @param idle - lets a moment pass.
   */
  leaveTogether(idle: () => void): void {
    const { native, comm, rank: own, size } = this.#options
    if (comm === undefined) return
    const all = native.request('MPI_Ibarrier', comm)
    const lateAtMs = performance.now() + LATE_MS
    let isLate = false
    while (!native.test(all)) {
      if (!isLate && performance.now() > lateAtMs) {
        isLate = true
        this.#tell(HAS_ENDED, '')
      }
      idle()
    }
    // What nobody receives would stay in the library, which complains of it.
    const { INT32_T } = native.abi.datatypes
    const told = new Int32Array(size)
    native.call('MPI_Allgather', Int32Array.of(this.#told), 1, INT32_T, told, 1, INT32_T, comm)
    while (told.some((count, rank) => rank !== own && this.#heard[rank] !== count)) this.poll(0)
    for (const { request } of this.#sending) while (!native.test(request)) idle()
  }

  #tell(tag: number, text: string): void {
    const { native, comm, rank, size } = this.#options
    if (comm === undefined) return
    this.#isBusy = true
    this.#told += 1
    const bytes = Buffer.from(text).subarray(0, TEXT_BYTES_MAX)
    const { BYTE } = native.abi.datatypes
    this.#sending = this.#sending.filter(({ request }) => !native.test(request))
    for (let to = 0; to < size; to++) {
      if (to === rank) continue
      const request = native.request('MPI_Isend', bytes, bytes.length, BYTE, to, tag, comm)
      this.#sending.push({ request, bytes })
    }
    this.#isBusy = false
  }
}
