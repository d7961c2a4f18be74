import type { RequestRecord } from './request-record.ts'

/**
 * The requests that hang on an AbortSignal: one listener a signal, however many requests there are, and none of them is
 * held once it has ended.
 */
export class CancelGroups {
  readonly #groups = new WeakMap<AbortSignal, Set<RequestRecord>>()
  readonly #cancel: (records: readonly RequestRecord[], reason: unknown) => void

  constructor(cancel: (records: readonly RequestRecord[], reason: unknown) => void) {
    this.#cancel = cancel
  }

  join(record: RequestRecord, signal: AbortSignal): void {
    let group = this.#groups.get(signal)
    if (group === undefined) {
      group = new Set()
      this.#groups.set(signal, group)
      const members = group
      signal.addEventListener('abort', () => this.#cancel([...members], signal.reason), { once: true })
    }
    group.add(record)
    record.group = group
  }
}
