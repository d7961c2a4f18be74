/**
 * Which engines there are, as one client sees it: from the hub's list and from its notifications, which travel on
 * different sockets and therefore in no fixed order.
 *
 * Invariants:
 * 1. An engine that left comes back only by a notification, or by a list that was asked for since it left: one that
 *    was written before cannot revive it. It does come back when it was taken for dead and is not, under the same uuid.
 *    (A number is used again by a controller that was started anew.)
 * 2. A list takes away only engines that were known when it was asked for: one that registered since then may be
 *    missing in it. Of several lists under way, each is held against what was known when it was asked for.
 */

import { assertNever, invariant } from '../../base/assert.ts'
import { type EngineId, type EngineUuid, languageByUuid } from '../../base/ids.ts'
import type { AboutEngine, DeathCause } from '../../protocol/catalogue.ts'

/** The engines that the hub knows. */
export interface EngineList {
  readonly engines: ReadonlyMap<EngineId, EngineUuid>
  /** What those engines told about themselves that told anything. */
  readonly about?: ReadonlyMap<EngineId, AboutEngine>
}

export type RosterEvent =
  /** The shell has asked the hub for its list, for the time number `ask`. */
  | { readonly type: 'list_asked'; readonly ask: number }
  /** `ask`: which question it answers, since a second one may be under way. */
  | ({ readonly type: 'list'; readonly ask: number } & EngineList)
  | {
      readonly type: 'registered'
      readonly id: EngineId
      readonly uuid: EngineUuid
      readonly about?: AboutEngine | undefined
    }
  | {
      readonly type: 'unregistered'
      readonly id: EngineId
      readonly uuid: EngineUuid
      readonly cause?: DeathCause | undefined
    }

export type RosterEffect =
  | { readonly type: 'engine_joined'; readonly id: EngineId; readonly uuid: EngineUuid }
  | {
      readonly type: 'engine_left'
      readonly id: EngineId
      readonly uuid: EngineUuid
      readonly cause: DeathCause | undefined
    }

interface Ask {
  readonly live: readonly EngineId[]
  readonly gone: ReadonlySet<EngineUuid>
}

/** Knows which engines are alive, and what became of those that are not. */
export class Roster {
  readonly #live = new Map<EngineId, EngineUuid>()
  /** Every engine that was ever seen: errors name an engine by its number even after its death. */
  readonly #idByUuid = new Map<EngineUuid, EngineId>()
  readonly #left = new Set<EngineUuid>()
  /** By number, what became of the engine that had it last. */
  readonly #causes = new Map<EngineId, DeathCause | undefined>()
  /** What live engines told about themselves. */
  readonly #about = new Map<EngineUuid, AboutEngine>()
  /** What was known when each list was asked for that has not come yet. */
  readonly #asks = new Map<number, Ask>()
  #ids: readonly EngineId[] | undefined
  #languages: readonly string[] | undefined

  /** Ids of the live engines, ascending. */
  get ids(): readonly EngineId[] {
    this.#ids ??= [...this.#live.keys()].sort((a, b) => a - b)
    return this.#ids
  }

  /** The languages that the live engines run, each once. */
  get languages(): readonly string[] {
    this.#languages ??= [...new Set([...this.#live.values()].map(uuid => this.languageOf(uuid)))]
    return this.#languages
  }

  /** The language of the code that a live engine runs: what it told, or else what its uuid tells. */
  languageOf(uuid: EngineUuid): string {
    return this.#about.get(uuid)?.language ?? languageByUuid(uuid)
  }

  /** Whether the hub passes on what engines tell: a controller that does also heeds it, one of Python's does not. */
  get isTold(): boolean {
    return this.#about.size > 0
  }

  /** Whether an engine says how much output belongs to a call; of others, an idle message says that all of it came. */
  announcesOutputs(uuid: EngineUuid | undefined): boolean {
    return uuid === undefined || this.languageOf(uuid) === 'javascript'
  }

  /** Versions of the parts of a live engine, as far as it told them. */
  versionsOf(uuid: EngineUuid): Readonly<Record<string, string>> {
    return this.#about.get(uuid)?.versions ?? {}
  }

  uuidOf(id: number): EngineUuid | undefined {
    return this.#live.get(id as EngineId)
  }

  /** Also of engines that are gone. */
  idOf(uuid: string): EngineId | undefined {
    return this.#idByUuid.get(uuid as EngineUuid)
  }

  /** Whether this engine was there once and is not any more. */
  hasLeft(id: number): boolean {
    return this.#causes.has(id as EngineId) && !this.#live.has(id as EngineId)
  }

  causeOf(id: number): DeathCause | undefined {
    return this.#causes.get(id as EngineId)
  }

  handle(event: RosterEvent): RosterEffect[] {
    switch (event.type) {
      case 'list_asked':
        this.#asks.set(event.ask, { live: [...this.#live.keys()], gone: new Set(this.#left) })
        return []
      case 'list':
        return this.#list(event.ask, event.engines, event.about)
      case 'registered':
        this.#left.delete(event.uuid)
        return this.#joined(event.id, event.uuid, event.about)
      case 'unregistered':
        return this.#leave(event.id, event.uuid, event.cause)
      default:
        return assertNever(event, 'roster event')
    }
  }

  validate(): void {
    for (const [id, uuid] of this.#live) {
      invariant(!this.#left.has(uuid), `engine ${id} both lives and left`)
      invariant(this.#idByUuid.get(uuid) === id, `engine ${id} is not found by its uuid`)
    }
  }

  #list(
    number: number,
    engines: ReadonlyMap<EngineId, EngineUuid>,
    about: ReadonlyMap<EngineId, AboutEngine> | undefined,
  ): RosterEffect[] {
    const ask = this.#asks.get(number)
    // A later list has come already, and this one knows nothing better.
    if (ask === undefined) return []
    for (const earlier of this.#asks.keys()) if (earlier <= number) this.#asks.delete(earlier)
    const effects: RosterEffect[] = []
    for (const [id, uuid] of engines) effects.push(...this.#leaveNumber(uuid, id))
    // Invariant 2.
    for (const id of ask.live) {
      const uuid = this.#live.get(id)
      if (uuid !== undefined && engines.get(id) !== uuid) effects.push(...this.#leave(id, uuid, undefined))
    }
    for (const [id, uuid] of engines) {
      if (ask.gone.has(uuid)) this.#left.delete(uuid)
      effects.push(...this.#joined(id, uuid, about?.get(id)))
    }
    return effects
  }

  #joined(id: EngineId, uuid: EngineUuid, about: AboutEngine | undefined): RosterEffect[] {
    const former = this.#live.get(id)
    // Invariant 1.
    if (this.#left.has(uuid) || former === uuid) return []
    const effects = former === undefined ? [] : this.#leave(id, former, undefined)
    effects.push(...this.#leaveNumber(uuid, id))
    this.#live.set(id, uuid)
    this.#idByUuid.set(uuid, id)
    if (about !== undefined) this.#about.set(uuid, about)
    this.#changed()
    effects.push({ type: 'engine_joined', id, uuid })
    return effects
  }

  /** A controller that was started anew may have given it another number than it had. */
  #leaveNumber(uuid: EngineUuid, id: EngineId): RosterEffect[] {
    const former = this.#idByUuid.get(uuid)
    if (former === undefined || former === id || this.#live.get(former) !== uuid) return []
    const effects = this.#leave(former, uuid, { reason: `it has another number now, ${id}` })
    this.#left.delete(uuid)
    return effects
  }

  #leave(id: EngineId, uuid: EngineUuid, cause: DeathCause | undefined): RosterEffect[] {
    if (this.#left.has(uuid)) return []
    this.#left.add(uuid)
    this.#causes.set(id, cause)
    this.#idByUuid.set(uuid, id)
    // Its registration was never seen: nothing was sent to it, but nothing must revive it either.
    if (this.#live.get(id) !== uuid) return []
    this.#live.delete(id)
    this.#about.delete(uuid)
    this.#changed()
    return [{ type: 'engine_left', id, uuid, cause }]
  }

  #changed(): void {
    this.#ids = undefined
    this.#languages = undefined
  }
}
