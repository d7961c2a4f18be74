import type { Millis } from '../../base/clock.ts'
import type { EngineDeath } from './dead-engines.ts'

/** How long our client has for hearing of a death by notification before it is told of each request. */
export const UNTOLD_MS: Millis = 1000

/** Requests whose engine is gone, while they may still be answered: by it, should it come back, or in its name. */
export class Orphans<Request> {
  /** In the order in which their time ends. */
  readonly #requests = new Map<
    string,
    { readonly request: Request; readonly death: EngineDeath; readonly untilMs: Millis }
  >()
  readonly #patienceMs: Millis

  constructor(patienceMs: Millis) {
    this.#patienceMs = patienceMs
  }

  get size(): number {
    return this.#requests.size
  }

  get wakeAtMs(): Millis {
    for (const { untilMs } of this.#requests.values()) return untilMs
    return Number.POSITIVE_INFINITY
  }

  has(msgId: string): boolean {
    return this.#requests.has(msgId)
  }

  add(msgId: string, request: Request, death: EngineDeath, nowMs: Millis): void {
    // Deleted first, so that it stands last.
    this.#requests.delete(msgId)
    this.#requests.set(msgId, { request, death, untilMs: nowMs + this.#patienceMs })
  }

  /** Takes out what the engine answers after all. */
  take(msgId: string, engine: string): Request | undefined {
    const orphan = this.#requests.get(msgId)
    if (orphan?.death.uuid !== engine) return undefined
    this.#requests.delete(msgId)
    return orphan.request
  }

  /** Takes out those whose time is over. */
  expired(nowMs: Millis): { msgId: string; request: Request; death: EngineDeath }[] {
    const expired: { msgId: string; request: Request; death: EngineDeath }[] = []
    for (const [msgId, { request, death, untilMs }] of this.#requests) {
      if (untilMs > nowMs) break
      this.#requests.delete(msgId)
      expired.push({ msgId, request, death })
    }
    return expired
  }
}
