import type { DeathCause } from '../../protocol/catalogue.ts'

/** An engine that is gone, and what is known of its end. */
export interface EngineDeath {
  readonly uuid: string
  readonly id: number
  readonly cause: DeathCause | undefined
}

/** Dead engines whose end can still be told. */
const REMEMBERED_MAX = 1024

/** Remembers how engines ended, so that an error about one of them can say it. Forgets the oldest. */
export class DeadEngines {
  readonly #deaths = new Map<string, EngineDeath>()

  get(uuid: string): EngineDeath | undefined {
    return this.#deaths.get(uuid)
  }

  /** By the number that it had. Looks at all of them. */
  byId(id: number): EngineDeath | undefined {
    return [...this.#deaths.values()].find(death => death.id === id)
  }

  /** @returns the same. */
  died(death: EngineDeath): EngineDeath {
    this.#deaths.set(death.uuid, death)
    if (this.#deaths.size > REMEMBERED_MAX) this.#deaths.delete(this.#deaths.keys().next().value!)
    return death
  }

  /** The uuid is in use again. */
  cameBack(uuid: string): void {
    this.#deaths.delete(uuid)
  }
}
