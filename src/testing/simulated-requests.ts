/**
 * What the clients of a simulated cluster ask for: each request is made as a real one is, and the witness is told of it and
 * of its end.
 */

import type { Clock } from '../base/clock.ts'
import { Fate } from './fate.ts'
import type { Names } from './sighting.ts'
import type { Order, SimulatedClient } from './simulated-client.ts'
import { metadataOf, type Wish, wishAgain } from './wish.ts'
import { type End, endOf, type Witness } from './witness.ts'

/** Told of the end of a request, after the witness. */
type OnSettled = (fate: Fate, end: End) => void

/** See the head of this file. */
export class SimulatedRequests {
  readonly #witness: Witness
  readonly #names: Names
  readonly #clock: Clock
  #count = 0

  constructor(witness: Witness, names: Names, clock: Clock) {
    this.#witness = witness
    this.#names = names
    this.#clock = clock
  }

  /** One request, for its target or for whichever engine is free. @returns what becomes of it. */
  submit(client: SimulatedClient, name: string, wish: Wish, onSettled: OnSettled = () => {}): Fate {
    const fate = this.#fate(client, name, wish)
    client.process.run(() => client.submit(this.#order(name, [fate], onSettled), fate.target))
    return fate
  }

  /** One request for several engines: `wish.targets`. @returns what becomes of it at each. */
  broadcast(
    client: SimulatedClient,
    name: string,
    wish: Wish,
    isCoalescing: boolean,
    onSettled: OnSettled = () => {},
  ): Fate[] {
    const engines = wish.targets!
    const fates = engines.map(uuid =>
      this.#fate(client, `${name} at ${this.#names.of(uuid)}`, { ...wish, targets: [uuid] }),
    )
    client.process.run(() => client.broadcast(this.#order(name, fates, onSettled), engines, isCoalescing))
    return fates
  }

  /** Has the hub submit something again that a client has asked for before. @returns what becomes of it then. */
  resubmit(origin: Fate, onSettled: OnSettled = () => {}): Fate {
    const { client, record } = origin
    const fate = this.#fate(client, `${origin.name} again`, wishAgain(origin.wish))
    origin.again = fate
    const settle = (end: End): void => {
      // Nobody hears of it in a client that is dead.
      if (!client.process.isAlive) return
      this.#witness.settled(fate, end)
      onSettled(fate, end)
    }
    client.process.run(() => {
      client.resubmit(record!.msgId).then(
        value => settle({ value }),
        (error: Error) => settle({ error }),
      )
    })
    return fate
  }

  #fate(client: SimulatedClient, name: string, wish: Wish): Fate {
    this.#count += 1
    return new Fate(name, wish, client, this.#clock.nowMs(), this.#count)
  }

  /** @param fates - in the order in which their requests are made. */
  #order(name: string, fates: readonly Fate[], onSettled: OnSettled): Order {
    const { wish } = fates[0]!
    let made = 0
    return {
      program: wish.program,
      metadata: metadataOf(wish),
      onSent: record => {
        const fate = fates[made]!
        made += 1
        fate.record = record
        const { msgId } = record
        this.#names.set(wish.route === 'broadcast' ? msgId.slice(0, msgId.lastIndexOf('_')) : msgId, name)
        this.#witness.fates.set(msgId, fate)
      },
      onSettled: ({ msgId }) => {
        const fate = this.#witness.fateOf(msgId)!
        const end = endOf(fate.record!)
        this.#witness.settled(fate, end)
        onSettled(fate, end)
      },
    }
  }
}
