import type { GroupHandlers, GroupJob } from './launcher.ts'
import type { SshConnection } from './ssh-connection.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/**
 * A job that is one ssh connection at a time: whoever works it begins one when all is there for it, perhaps another when
 * that fails, and says when the job has ended.
 */
export class SshJob implements GroupJob {
  readonly #handlers: GroupHandlers
  readonly #cancel = new AbortController()
  /** Connections that stand beside the first, and end with it. */
  readonly #others = new Set<SshConnection>()
  #connection: SshConnection | undefined
  #isUnref = false
  #ended = false

  /** @param work - begins at once; an error that it throws is the end of the job. */
  constructor(handlers: GroupHandlers, work: (job: SshJob) => Promise<void>) {
    this.#handlers = handlers
    void this.#begin(work)
  }

  /** Aborted as soon as the job is asked to end. */
  get cancelled(): AbortSignal {
    return this.#cancel.signal
  }

  get id(): string {
    return this.#connection === undefined ? '' : String(this.pid)
  }

  get pid(): number {
    return this.#connection?.pid ?? -1
  }

  get status() {
    const state = this.#ended ? 'ended' : this.#connection === undefined ? 'waiting' : 'running'
    return { state } as const
  }

  signal(signal: NodeJS.Signals): void {
    this.#cancel.abort()
    if (signal === 'SIGKILL') {
      for (const connection of [this.#connection, ...this.#others]) connection?.kill()
    } else this.#connection?.end()
  }

  unref(): void {
    this.#isUnref = true
    for (const connection of [this.#connection, ...this.#others]) connection?.unref()
  }

  /** This is the job's connection from now on. */
  take(connection: SshConnection): void {
    this.#connection = connection
    if (this.#isUnref) connection.unref()
  }

  /** This one stands beside it, until it is let go. */
  takeBeside(connection: SshConnection): void {
    this.#others.add(connection)
    if (this.#isUnref) connection.unref()
  }

  letGo(connection: SshConnection): void {
    this.#others.delete(connection)
  }

  /** Nothing of it runs any more. Does nothing the second time. */
  end(end: ProgramEnd): void {
    if (this.#ended) return
    this.#ended = true
    // Whoever submitted us is to have us before it hears of our end.
    setImmediate(() => this.#handlers.onEnd(end))
  }

  async #begin(work: (job: SshJob) => Promise<void>): Promise<void> {
    try {
      await work(this)
    } catch (error) {
      if (this.cancelled.aborted) this.end({ exitCode: null, signal: 'SIGTERM', output: '' })
      else this.end({ exitCode: null, signal: null, output: '', spawnError: (error as Error).message })
    }
  }
}
