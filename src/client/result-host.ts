import type { Clock } from '../base/clock.ts'
import type { RequestRecord } from './request-record.ts'

/** What an AsyncResult needs of the client that it belongs to. */
export interface ResultHost {
  readonly clock: Clock
  /** Now, in ms since 1970. */
  dateMs(): number
  /** Asks the engines not to run what they have not started. Resolves when they have taken note. */
  abort(records: readonly RequestRecord[]): Promise<void>
  /**
   * Gives the answers up: aborts what has not started, interrupts what has (unless `interrupt` is false), and settles all
   * of them at once.
   */
  cancel(records: readonly RequestRecord[], reason: unknown, interrupt?: boolean): void
  /** Resolves when everything that was sent so far has left this process. */
  flushed(): Promise<void>
}
