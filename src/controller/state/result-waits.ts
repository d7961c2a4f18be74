/**
 * Who waits for a request to end, instead of asking again and again. Decides whom an end concerns; it does not know what
 * they are told.
 *
 * Invariants
 * 1. A waiter is given out once, at the first end that concerns it.
 * 2. There are at most `waitersMax`: peers that are long gone must not fill the controller.
 */

interface Wait<Waiter> {
  readonly ids: readonly string[]
  readonly waiter: Waiter
}

export class ResultWaits<Waiter> {
  readonly #waits = new Map<string, Set<Wait<Waiter>>>()
  readonly #waitersMax: number
  #size = 0

  constructor(waitersMax = 4096) {
    this.#waitersMax = waitersMax
  }

  /** @returns false when there are too many: then it must be answered at once. */
  add(ids: readonly string[], waiter: Waiter): boolean {
    if (this.#size >= this.#waitersMax) return false
    const wait = { ids, waiter }
    for (const id of ids) {
      const waits = this.#waits.get(id)
      if (waits === undefined) this.#waits.set(id, new Set([wait]))
      else waits.add(wait)
    }
    this.#size += 1
    return true
  }

  /** Asked once for each request that ends. */
  isAwaited(id: string): boolean {
    return this.#size > 0 && this.#waits.has(id)
  }

  /** Those that waited for this request, in the order in which they came. */
  ended(id: string): Waiter[] {
    const ended = [...(this.#waits.get(id) ?? [])]
    for (const wait of ended) this.#forget(wait)
    return ended.map(({ waiter }) => waiter)
  }

  #forget(wait: Wait<Waiter>): void {
    this.#size -= 1
    for (const id of wait.ids) {
      const waits = this.#waits.get(id)
      waits?.delete(wait)
      if (waits?.size === 0) this.#waits.delete(id)
    }
  }
}
