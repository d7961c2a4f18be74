/** Structured facts that go with a log line. Never a key, never a payload. */
export type LogFields = Readonly<Record<string, unknown>>

/** What a room needs of a logger; the commands plug a real one in. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const nothing = (): void => {}

/** Says nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/**
 * Bounds what strangers can make us write: at most `linesMax` warnings per `windowMs` for each message text, then one
 * line that counts the rest.
 */
export class RateLimitedWarnings {
  readonly #seen = new Map<string, { windowEndsMs: number; lines: number; held: number }>()
  readonly #log: Logger
  readonly #nowMs: () => number
  readonly #linesMax: number
  readonly #windowMs: number

  constructor(log: Logger, nowMs: () => number, linesMax = 5, windowMs = 10_000) {
    this.#log = log
    this.#nowMs = nowMs
    this.#linesMax = linesMax
    this.#windowMs = windowMs
  }

  warn(message: string, fields?: LogFields): void {
    const nowMs = this.#nowMs()
    let entry = this.#seen.get(message)
    if (entry === undefined || nowMs >= entry.windowEndsMs) {
      if (entry !== undefined && entry.held > 0) this.#log.warn(`${message} (and ${entry.held} more like it)`)
      entry = { windowEndsMs: nowMs + this.#windowMs, lines: 0, held: 0 }
      this.#seen.set(message, entry)
    }
    if (entry.lines >= this.#linesMax) {
      entry.held += 1
      return
    }
    entry.lines += 1
    this.#log.warn(message, fields)
  }
}
