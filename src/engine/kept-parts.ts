import type { Clock } from '../base/clock.ts'
import { type Deferred, deferred } from '../base/deferred.ts'
import { SENT_ONCE_BYTES_MAX, type SentOnce, type WithheldParts } from '../serialize/payload.ts'

/** How much an engine keeps of what functions captured; the parts not used for longest go first. */
const KEPT_BYTES_MAX = 2 * SENT_ONCE_BYTES_MAX
/** A program may be busy, or its answer be lost: it is asked again after so long. */
const ASK_AGAIN_MS = 2000
/** How often it is asked before the task that needs the part fails. */
const ASKED_MAX = 30

interface Wanted {
  readonly arrival: Deferred<Buffer>
  readonly cancel: () => void
}

/**
 * Parts of payloads by their digests: large captured values and modules, which come once and not with each task. A task
 * that needs a part that is not here asks the program that sent it, and begins when it has come.
 */
export class KeptParts implements WithheldParts {
  readonly #ask: (digests: readonly string[]) => void
  readonly #clock: Clock
  readonly #kept = new Map<string, Buffer>()
  readonly #wanted = new Map<string, Wanted>()
  #bytes = 0

  /** @param ask - asks the program whose request is being read. */
  constructor(clock: Clock, ask: (digests: readonly string[]) => void) {
    this.#clock = clock
    this.#ask = ask
  }

  get(digest: string): Buffer | undefined {
    const bytes = this.#kept.get(digest)
    if (bytes === undefined) return undefined
    // Re-inserting puts it last.
    this.#kept.delete(digest)
    this.#kept.set(digest, bytes)
    return bytes
  }

  fetch(digests: readonly string[]): Promise<readonly Buffer[]> {
    const isAsked = digests.every(digest => this.#wanted.has(digest))
    if (!isAsked) this.#ask(digests)
    return Promise.all(digests.map(digest => this.#want(digest)))
  }

  /** A part has come. */
  keep({ digest, bytes }: SentOnce): void {
    const wanted = this.#wanted.get(digest)
    this.#wanted.delete(digest)
    wanted?.cancel()
    wanted?.arrival.resolve(bytes)
    if (this.#kept.has(digest) || bytes.length > KEPT_BYTES_MAX) return
    this.#kept.set(digest, bytes)
    this.#bytes += bytes.length
    for (const [eldest, { length }] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES_MAX) break
      this.#kept.delete(eldest)
      this.#bytes -= length
    }
  }

  /** The program does not have them. */
  refuse(digests: readonly string[]): void {
    for (const digest of digests) this.#giveUp(digest)
  }

  #want(digest: string): Promise<Buffer> {
    const known = this.#wanted.get(digest)
    if (known !== undefined) return known.arrival.promise
    const arrival = deferred<Buffer>()
    // Whoever waited for it may have been interrupted.
    arrival.promise.catch(() => {})
    let asked = 1
    let cancel = (): void => {}
    const wait = (): void => {
      cancel = this.#clock.after(ASK_AGAIN_MS, () => {
        if (asked === ASKED_MAX) {
          this.#giveUp(digest)
          return
        }
        asked += 1
        this.#ask([digest])
        wait()
      })
    }
    wait()
    this.#wanted.set(digest, { arrival, cancel: () => cancel() })
    return arrival.promise
  }

  #giveUp(digest: string): void {
    const wanted = this.#wanted.get(digest)
    this.#wanted.delete(digest)
    wanted?.cancel()
    wanted?.arrival.reject(
      new Error(
        'a large value that the function captures is sent once, and this engine has not got it: the program that ' +
          'sent the task no longer answers. Submit the task again from a program that stays until it is done',
      ),
    )
  }
}
