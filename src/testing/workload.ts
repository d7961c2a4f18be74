/** What the clients of a simulated cluster ask for: chosen by the seed, one request at a time. */

import type { Dependency } from '../controller/state/dependency.ts'
import { DisconnectedError } from '../errors.ts'
import type { Fate } from './fate.ts'
import type { Program } from './program.ts'
import type { SeededRandom } from './random.ts'
import type { SimulatedClient } from './simulated-client.ts'
import type { SimulatedCluster } from './simulated-cluster.ts'
import { PLAIN_WISH } from './wish.ts'

/** What user code is written in. */
export const LANGUAGES = ['javascript', 'python'] as const

export class Workload {
  readonly fates: Fate[] = []
  readonly #cluster: SimulatedCluster
  readonly #random: SeededRandom
  /** Whether programs may kill their engines. */
  readonly #isRough: boolean
  #requests = 0

  constructor(cluster: SimulatedCluster, random: SeededRandom, isRough: boolean) {
    this.#cluster = cluster
    this.#random = random
    this.#isRough = isRough
  }

  /** One client asks for something to be run. */
  request(): void {
    const client = this.#client()
    if (client === undefined) return
    const random = this.#random
    const known = client.dispatcher.roster.ids.map(id => client.dispatcher.roster.uuidOf(id)!)
    const roll = random.next()
    if (roll < 0.15) this.#direct(client, known)
    else if (roll < 0.3) this.#broadcast(client, known)
    else this.#balanced(client, known)
  }

  /** What clients ask for besides. */
  disturb(): void {
    const client = this.#client()
    if (client === undefined) return
    const random = this.#random
    const open = this.fates.filter(
      fate => fate.client === client && fate.record !== undefined && !fate.record.isSettled,
    )
    switch (random.between(0, 4)) {
      case 0: {
        const aborted = open.filter(() => random.chance(0.3))
        for (const fate of aborted) fate.abortAsked = true
        if (aborted.length > 0) client.abort(aborted.map(fate => fate.record!))
        return
      }
      case 1:
        client.ask('queue_request', { targets: null, verbose: true })
        return
      case 2:
        this.#cluster.witness.isPurged = true
        client.ask('purge_request', { msg_ids: 'all' })
        return
      default:
        this.#resubmit(client)
    }
  }

  #client(): SimulatedClient | undefined {
    const ready = this.#cluster.clients.filter(({ isReady }) => isReady)
    return ready.length === 0 ? undefined : this.#random.pick(ready)
  }

  #direct(client: SimulatedClient, known: readonly string[]): void {
    if (known.length === 0) return
    const random = this.#random
    const program = this.#program(this.#valueOrError())
    const wish = { ...PLAIN_WISH, program, own: random.chance(0.75), targets: [random.pick(known)] }
    this.fates.push(this.#cluster.requests.submit(client, program.name, { ...wish, route: 'direct' }))
  }

  #broadcast(client: SimulatedClient, known: readonly string[]): void {
    const random = this.#random
    const targets = known.filter(() => random.chance(0.7))
    if (targets.length === 0) return
    const own = random.chance(0.75)
    const program = this.#program(this.#valueOrError())
    // Of a stock client's coalesced broadcast nobody tells what one death leaves over.
    const isCoalescing = own && random.chance(0.5)
    const wish = { ...PLAIN_WISH, program, own, targets, route: 'broadcast' } as const
    this.fates.push(...this.#cluster.requests.broadcast(client, program.name, wish, isCoalescing))
  }

  #balanced(client: SimulatedClient, known: readonly string[]): void {
    const random = this.#random
    const own = random.chance(0.75)
    const program = this.#program(this.#end(own))
    const targets =
      random.chance(0.12) && known.length > 0
        ? known.filter((_, index) => index === 0 || random.chance(0.5))
        : undefined
    const fate = this.#cluster.requests.submit(client, program.name, {
      program,
      route: 'balanced',
      own,
      language: own && random.chance(0.4) ? random.pick(LANGUAGES) : undefined,
      // A stock task that fails needs another engine for each attempt, and waits for it without end.
      retries: random.pick(own ? [0, 0, 1, 3] : [0, 0, 1]),
      timeoutMs: random.chance(0.1) ? random.pick([50, 1000]) : Number.POSITIVE_INFINITY,
      after: this.#dependency(client, 0.2),
      follow: this.#dependency(client, 0.1),
      targets,
    })
    this.fates.push(fate)
  }

  /** Of what the hub has a record for sure, each once: it has none of what found no engine. */
  #resubmit(client: SimulatedClient): void {
    const ended = this.fates.filter(
      ({ client: asker, record, again, wish, runs }) =>
        asker === client &&
        (wish.route === 'balanced' || (wish.route === 'direct' && runs.length > 0)) &&
        again === undefined &&
        record?.isSettled === true &&
        !(record.error instanceof DisconnectedError),
    )
    for (let i = Math.min(3, ended.length); i > 0; i--) {
      const origin = this.#random.pick(ended)
      if (origin.again === undefined) this.fates.push(this.#cluster.requests.resubmit(origin))
    }
  }

  #program(end: Program['end']): Program {
    const random = this.#random
    this.#requests += 1
    return {
      name: `t${this.#requests}`,
      runMs: random.pick([0, 0.1, 1, 5, 20, 200, 1500]),
      end,
      prints: random.chance(0.15) ? random.between(1, 3) : 0,
    }
  }

  #valueOrError(): Program['end'] {
    return this.#random.chance(0.85)
      ? { type: 'value' }
      : { type: 'throw', times: this.#random.pick([1, 100]) }
  }

  #end(own: boolean): Program['end'] {
    const random = this.#random
    const roll = random.next()
    if (roll < 0.75) return { type: 'value' }
    if (roll < 0.87) return { type: 'throw', times: random.pick([1, 2, 100]) }
    if (roll < 0.95) return { type: 'refuse', every: own ? random.pick([0, 2, 2]) : 2 }
    return this.#isRough ? { type: 'kill' } : { type: 'value' }
  }

  /** On what the same client has asked for before: what another one has sent may arrive later. */
  #dependency(client: SimulatedClient, probability: number): Dependency | undefined {
    const random = this.#random
    if (!random.chance(probability)) return undefined
    const before = this.fates.filter(
      fate => fate.client === client && fate.wish.route === 'balanced' && fate.record !== undefined,
    )
    if (before.length === 0) return undefined
    const ids = new Set<string>()
    for (let i = random.between(1, 3); i > 0; i--) ids.add(random.pick(before).record!.msgId)
    const success = random.chance(0.8)
    return { ids: [...ids], all: random.chance(0.6), success, failure: !success || random.chance(0.3) }
  }
}
