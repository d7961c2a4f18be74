/** Requests that shall not be run when they come up. Forgets the oldest when there are too many. */
export class AbortedIds {
  readonly #ids = new Set<string>()
  readonly #idsMax: number

  constructor(idsMax = 100_000) {
    this.#idsMax = idsMax
  }

  add(msgIds: readonly string[]): void {
    for (const id of msgIds) {
      this.#ids.add(id)
      if (this.#ids.size > this.#idsMax) this.#ids.delete(this.#ids.keys().next().value!)
    }
  }

  clear(): void {
    this.#ids.clear()
  }

  get isEmpty(): boolean {
    return this.#ids.size === 0
  }

  /** Whether the request was aborted; it is asked once a request. */
  take(msgId: string): boolean {
    return this.#ids.size > 0 && this.#ids.delete(msgId)
  }
}
