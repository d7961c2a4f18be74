/**
 * Remembers how every task ended and on which engine, for the dependencies of later ones.
 *
 * A million ids as strings would take a hundred megabytes. But a peer numbers its messages: its ids differ only in the
 * counter behind the last underscore. So what is kept is one integer a message, in pages of consecutive counters; only
 * ids of another form go to a map by themselves. Both forget their oldest beyond a limit.
 */

import type { Outcome } from './dependency.ts'

const PAGE_BITS = 8
const PAGE_LENGTH = 1 << PAGE_BITS
/** 16 million tasks in 64 MiB. */
const PAGES_MAX = 65_536
const ODD_IDS_MAX = 65_536

/** 0: not ended. Else 2 + 2 × (engine + 1) + (1 if it failed), where engine is -1 for none. */
type Code = number

interface Page {
  readonly prefix: string
  readonly number: number
  readonly codes: Int32Array
}

export class TaskHistory {
  readonly #pages = new Map<string, Page>()
  readonly #odd = new Map<string, Code>()
  #last: Page | undefined

  /** @param engineId - where it ended; undefined when the scheduler itself failed it. */
  finished(msgId: string, ok: boolean, engineId: number | undefined): void {
    const code = 2 + 2 * ((engineId ?? -1) + 1) + (ok ? 0 : 1)
    const counterAt = counterStart(msgId)
    if (counterAt === -1) {
      this.#odd.delete(msgId)
      this.#odd.set(msgId, code)
      forgetOldest(this.#odd, ODD_IDS_MAX)
      return
    }
    const counter = Number(msgId.slice(counterAt))
    const page = this.#page(msgId, counterAt, counter, true)!
    page.codes[counter & (PAGE_LENGTH - 1)] = code
  }

  /** `unseen` for a task that has not ended; whether it is pending its queue must know. */
  outcome(msgId: string): Exclude<Outcome, 'pending'> {
    const code = this.#code(msgId)
    if (code === 0) return 'unseen'
    return (code & 1) === 0 ? 'ok' : 'failed'
  }

  /** Number of the engine where it ended. */
  engineOf(msgId: string): number | undefined {
    const engineId = (this.#code(msgId) >> 1) - 2
    return engineId < 0 ? undefined : engineId
  }

  #code(msgId: string): Code {
    const counterAt = counterStart(msgId)
    if (counterAt === -1) return this.#odd.get(msgId) ?? 0
    const counter = Number(msgId.slice(counterAt))
    return this.#page(msgId, counterAt, counter, false)?.codes[counter & (PAGE_LENGTH - 1)] ?? 0
  }

  #page(msgId: string, counterAt: number, counter: number, make: boolean): Page | undefined {
    const number = counter >> PAGE_BITS
    const last = this.#last
    if (last?.number === number && last.prefix.length === counterAt && msgId.startsWith(last.prefix))
      return last
    const prefix = msgId.slice(0, counterAt)
    const key = prefix + number
    let page = this.#pages.get(key)
    if (page === undefined && make) {
      page = { prefix, number, codes: new Int32Array(PAGE_LENGTH) }
      this.#pages.set(key, page)
      forgetOldest(this.#pages, PAGES_MAX)
    }
    if (page !== undefined) this.#last = page
    return page
  }
}

function forgetOldest(map: Map<string, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/** Where the digits behind the last underscore begin; -1 for an id that does not end in a plain counter. */
function counterStart(msgId: string): number {
  const at = msgId.lastIndexOf('_') + 1
  const digits = msgId.length - at
  if (at === 0 || digits === 0 || digits > 9) return -1
  for (let i = at; i < msgId.length; i++) {
    const code = msgId.charCodeAt(i)
    if (code < 48 || code > 57) return -1
  }
  // A leading zero would give two ids one place.
  return digits > 1 && msgId.charCodeAt(at) === 48 ? -1 : at
}
