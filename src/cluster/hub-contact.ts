import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../base/log.ts'
import { connectionFilePaths, isListening } from '../config/connection-files.ts'
import { securityDirectory } from '../config/profile.ts'
import { LauncherError } from '../errors.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import { type ClientConnection, readClientConnection } from '../protocol/connection-file.ts'
import { askHub, controlEngines, reportEngineDeath } from './hub-line.ts'
import { type EngineNotice, HubWatch } from './hub-watch.ts'
import type { ProgramPlace } from './program.ts'
import type { EndSignal } from './state/launch-events.ts'

/** How long the hub may take to hear the heart of an engine that has registered. */
const ADMISSION_MS = 10_000
const ADMISSION_POLL_MS = 5
const GOODBYE_MS = 300
/** How often a controller that cannot tell by a pipe is looked for. */
const CONTROLLER_POLL_MS = 50

/** An engine as the hub knows it. */
export interface HubEngine {
  readonly id: number
  readonly uuid: string
}

/** What a keeper has to say to the hub of its cluster. */
export class HubContact {
  readonly #path: string
  readonly #log: Logger
  #connection: Promise<ClientConnection> | undefined
  #watch: HubWatch | undefined
  #isClosed = false
  #problem: string | undefined

  constructor({ profileDir, clusterId }: ProgramPlace, log: Logger) {
    this.#path = connectionFilePaths(securityDirectory(profileDir), clusterId).client
    this.#log = log
  }

  /** Reads where the hub is. Call it when the controller is ready. */
  open(): void {
    this.#connection = readClientConnection(this.#path)
    // Whoever needs it says that it is missing; until then nobody is bothered.
    this.#connection.catch(() => {})
  }

  /**
   * Resolves when clients see these engines. An engine says that it is registered as its heart starts to beat; the hub
   * hears that a moment later, and whoever starts engines may use them at once.
   *
   * @throws LauncherError when the hub does not hear them in time.
   */
  async untilAdmitted(engines: () => readonly HubEngine[], signal?: AbortSignal): Promise<void> {
    const connection = await this.#connection
    if (connection === undefined) return
    const deadlineMs = performance.now() + ADMISSION_MS
    for (;;) {
      signal?.throwIfAborted()
      const reply = await askHub(connection, 'connection_request', {}, ADMISSION_MS)
      const admitted = new Set(Object.values(reply.engines as Readonly<Record<string, string>>))
      const missing = engines().filter(engine => !admitted.has(engine.uuid))
      if (missing.length === 0) return
      if (performance.now() > deadlineMs) {
        const ids = missing.map(engine => engine.id).join(', ')
        throw new LauncherError(`the hub hears nothing from the hearts of engines ${ids}`)
      }
      await delay(ADMISSION_POLL_MS)
    }
  }

  /** Has the hub tell its clients that it ends: they would otherwise look for the controller for a while. */
  async sayGoodbye(): Promise<void> {
    if (this.#connection === undefined) return
    try {
      await askHub(await this.#connection, 'shutdown_request', {}, GOODBYE_MS)
    } catch (error) {
      // It is about to be ended in any case.
      this.#log.debug(`the hub could not say goodbye: ${String(error)}`)
    }
  }

  /** Tells the hub that an engine is gone, and how it ended. */
  reportDeath(engine: HubEngine, cause: DeathCause): void {
    this.#connection
      ?.then(connection => reportEngineDeath(connection, { ...engine, cause }))
      .catch((error: unknown) => {
        this.#log.warn(`cannot tell the hub that engine ${engine.id} is gone: ${String(error)}`)
      })
  }

  /** Every engine of the cluster, as the hub knows them now; none where it does not answer. */
  async engines(): Promise<HubEngine[]> {
    try {
      const reply = await askHub((await this.#connection)!, 'connection_request', {}, ADMISSION_MS)
      const engines = Object.entries(reply.engines as Readonly<Record<string, string>>)
      return engines.map(([id, uuid]) => ({ id: Number(id), uuid }))
    } catch (error) {
      this.#log.warn(`the hub does not say who is there: ${String(error)}`)
      return []
    }
  }

  /** Resolves with true when a controller answers where the connection file says, and with false after `close`. */
  async untilListening(): Promise<boolean> {
    while (!this.#isClosed) {
      const problem = await this.#whyNotListening()
      if (problem === undefined) return true
      // A controller that is ended for it takes its file along.
      if (problem !== '') this.#problem = problem
      await delay(CONTROLLER_POLL_MS)
    }
    return false
  }

  /** Why the controller could not be reached when it was last looked for, though its file was there. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Empty while the file is not there, or half of it. */
  async #whyNotListening(): Promise<string | undefined> {
    let connection: ClientConnection
    try {
      connection = await readClientConnection(this.#path)
    } catch {
      return ''
    }
    try {
      if (await isListening(connection)) return undefined
    } catch (error) {
      return (error as Error).message
    }
    const { interface: address, registration } = connection
    return `nobody answers at ${address}:${registration}, as its file says. Have it listen where it can be reached (ip: '*'), and name its host as it is known here (location)`
  }

  /** Hears which engines come and go, until `close`. Call it after `open`. */
  watch(onNotice: (notice: EngineNotice) => void): void {
    this.#connection
      ?.then(connection => {
        if (!this.#isClosed) this.#watch = new HubWatch(connection, onNotice, this.#log)
      })
      .catch((error: unknown) => {
        this.#log.warn(`cannot hear from the hub: ${String(error)}`)
      })
  }

  /** Ends engines by way of the controller: those that no signal of ours can reach one by one. */
  endEngines(uuids: readonly string[], signal: EndSignal): void {
    this.#connection
      ?.then(connection =>
        signal === 'SIGKILL'
          ? controlEngines(connection, uuids, 'signal_request', { sig: signal })
          : controlEngines(connection, uuids, 'shutdown_request', { restart: false }),
      )
      .catch((error: unknown) => {
        this.#log.warn(`cannot end engines ${uuids.join(', ')}: ${String(error)}`)
      })
  }

  close(): void {
    this.#isClosed = true
    this.#watch?.close()
  }

  /** Whether the controller still answers. */
  async listens(): Promise<boolean> {
    const connection = this.#connection
    return connection !== undefined && (await connection.then(isListening).catch(() => false))
  }
}
