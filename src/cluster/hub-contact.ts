import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../base/log.ts'
import { connectionFilePaths, isListening } from '../config/connection-files.ts'
import { securityDirectory } from '../config/profile.ts'
import { LauncherError } from '../errors.ts'
import type { DeathCause } from '../protocol/catalogue.ts'
import { type ClientConnection, readClientConnection } from '../protocol/connection-file.ts'
import { askHub, reportEngineDeath } from './hub-line.ts'
import type { ProgramPlace } from './program.ts'

/** How long the hub may take to hear the heart of an engine that has registered. */
const ADMISSION_MS = 10_000
const ADMISSION_POLL_MS = 5
const GOODBYE_MS = 300

/** An engine as the hub knows it. */
export interface HubEngine {
  readonly id: number
  readonly uuid: string
}

/** What a keeper has to say to the hub of its cluster. */
export class HubContact {
  readonly #place: ProgramPlace
  readonly #log: Logger
  #connection: Promise<ClientConnection> | undefined

  constructor(place: ProgramPlace, log: Logger) {
    this.#place = place
    this.#log = log
  }

  /** Reads where the hub is. Call it when the controller is ready. */
  open(): void {
    const { profileDir, clusterId } = this.#place
    this.#connection = readClientConnection(
      connectionFilePaths(securityDirectory(profileDir), clusterId).client,
    )
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

  /** Whether the controller still answers. */
  async listens(): Promise<boolean> {
    const connection = this.#connection
    return connection !== undefined && (await connection.then(isListening).catch(() => false))
  }
}
