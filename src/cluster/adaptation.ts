import process from 'node:process'
import { systemClock } from '../base/clock.ts'
import { UsageError } from '../errors.ts'
import type { ScalableCluster } from './scale.ts'
import { Adapt, type AdaptEffect, type AdaptEvent } from './state/adapt.ts'
import { loadOf } from './status.ts'

const LOOK_MS = 500
const RETRY_MS = 30_000

/** Within which bounds, and how quickly, a cluster follows its work. */
export interface AdaptationOptions {
  /** The fewest engines there are to be: 0 or more. */
  readonly min: number
  /** The most. */
  readonly max: number
  /** Seconds that tasks must have waited for an engine before some are added. Default: 1. */
  readonly wait?: number | undefined
  /** Seconds that an engine must have had nothing to do before it is ended. Default: 30. */
  readonly idle?: number | undefined
}

/** Has a cluster follow its work, until `stop`. */
export class Adaptation implements Disposable {
  readonly #machine: Adapt
  readonly #cluster: ScalableCluster
  readonly #timer: NodeJS.Timeout
  #isLooking = false
  #isStopped = false

  /** @throws UsageError when the bounds make no sense. */
  constructor(cluster: ScalableCluster, options: AdaptationOptions) {
    const { min, max, wait = 1, idle = 30 } = options
    if (!(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min >= 0 && max >= Math.max(min, 1))) {
      throw new UsageError(
        `cannot keep between ${min} and ${max} engines: give whole numbers such as { min: 1, max: 8 }`,
      )
    }
    if (!(wait >= 0 && idle >= 0)) throw new UsageError('wait and idle are seconds: 0 or more')
    this.#cluster = cluster
    this.#machine = new Adapt({ min, max, waitMs: wait * 1000, idleMs: idle * 1000, retryMs: RETRY_MS })
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    this.#timer.unref()
    void this.#look()
  }

  /** Leaves the cluster as it is from now on. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  [Symbol.dispose](): void {
    this.stop()
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#isStopped) return
    this.#isLooking = true
    try {
      const { unassigned, engines } = await this.#cluster.askStatus()
      const loads = engines.map(engine => ({
        id: engine.id,
        load: loadOf(engine),
        completed: engine.completed,
      }))
      this.#handle({ type: 'seen', unassigned, engines: loads })
    } catch {
      // The hub is busy, or gone: then the cluster ends, and so does this.
    } finally {
      this.#isLooking = false
    }
  }

  #handle(event: AdaptEvent): void {
    if (this.#isStopped) return
    for (const effect of this.#machine.handle(event, systemClock.nowMs())) void this.#perform(effect)
  }

  async #perform(effect: AdaptEffect): Promise<void> {
    try {
      if (effect.type === 'add_engines') await this.#cluster.addEngines(effect.n)
      else await this.#cluster.stopEngines(effect.ids)
      this.#handle({ type: 'changed' })
    } catch (error) {
      if (!this.#isStopped)
        process.emitWarning(`cannot adapt the cluster: ${String(error)}`, 'ClusterWarning')
      this.#handle({ type: 'change_failed' })
    }
  }
}
