/**
 * Watches the hearts of a simulated cluster: which ping was sent when, and whose echo of it has reached the controller.
 * So it knows when an engine that lives may have been declared dead, and when not.
 */

import type { EngineView } from './engine-view.ts'

export interface HeartWitnessOptions {
  readonly nowMs: () => number
  /** Whether the controller sees all connections of an engine whose loss it counts as death. */
  readonly isConnected: (uuid: string) => boolean
  /** Says what must not be. */
  readonly fail: (what: string) => void
  readonly heartbeatMs: number
  readonly heartMissesMax: number
}

/** See the head of this file. */
export class HeartWitness {
  readonly #options: HeartWitnessOptions
  /** When each ping was sent. */
  readonly #pings = new Map<string, number>()
  /** When the controller was started, from which it counts its beats. */
  #startedMs = 0

  constructor(options: HeartWitnessOptions) {
    this.#options = options
  }

  /** The controller died, or was started. */
  restarted(): void {
    this.#startedMs = this.#options.nowMs()
    this.#pings.clear()
  }

  pinged(ping: string): void {
    if (!this.#pings.has(ping)) this.#pings.set(ping, this.#options.nowMs())
  }

  ponged(engine: EngineView, ping: string): void {
    const sentMs = this.#pings.get(ping)
    if (sentMs !== undefined) engine.lastPingMs = Math.max(engine.lastPingMs, sentMs)
  }

  /** An engine was declared dead. */
  checkDeath(engine: EngineView, reason: unknown): void {
    if (engine.isGone) return
    const { fail, nowMs, heartMissesMax, heartbeatMs, isConnected } = this.#options
    if (reason === 'connection lost' && isConnected(engine.uuid))
      fail(`${engine.name} is connected, and its connection was said to be lost`)
    if (engine.wasCut) return
    // Beats come at whole periods. An extra ping between them may have been the last.
    const wasBeat = (engine.lastPingMs - this.#startedMs) % heartbeatMs === 0
    const patienceMs = (heartMissesMax + (wasBeat ? 2 : 1)) * heartbeatMs
    const silentMs = nowMs() - engine.lastPingMs
    if (silentMs < patienceMs)
      fail(`${engine.name} lives, echoed a ping sent ${silentMs} ms ago, and was declared dead`)
  }
}
