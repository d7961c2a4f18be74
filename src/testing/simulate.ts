/**
 * One run of a simulated cluster under a seed: the seed chooses who takes part, what they ask for and what goes wrong.
 * Then the faults stop, and within a bounded time everything must have been answered and nothing may be left.
 */

import type { Millis } from '../base/clock.ts'
import type { ControllerOptions } from '../controller/controller.ts'
import type { Fate } from './fate.ts'
import { SeededRandom } from './random.ts'
import type { Sighting } from './sighting.ts'
import { SimulatedCluster, Violation } from './simulated-cluster.ts'
import type { SimulatedEngine } from './simulated-engine.ts'
import { NO_FAULTS } from './simulated-network.ts'
import { LANGUAGES, Workload } from './workload.ts'

/** What came of a run. */
export interface SimulationResult {
  readonly journal: readonly string[]
  readonly requests: number
  readonly runs: number
  readonly deaths: number
  readonly simulatedMs: Millis
}

const START_MS: Millis = 500
/** An engine that was wrongly taken for dead is back within this time. */
const REJOIN_MS: Millis = 5000
/** In the end everything must be answered within this time after the last fault. */
const SETTLE_MS: Millis = 180_000
/** So many engines live in the end: one of each kind, so that what can be done anywhere is done. */
const ENGINES_MIN = 3
const REGISTRATION_TIMEOUT_MS: Millis = 30_000
/** Longest memory that a part has of what is over: direct requests of dead engines, as long as registrations. */
const FORGET_MS: Millis = REGISTRATION_TIMEOUT_MS + 1000

/**
 * Runs the cluster of `seed`.
 *
 * @param trace - keep a line for every message.
 * @throws Violation that names the seed, what must not be, the story of the task, and how to see it again.
 */
export async function simulate(seed: number, trace = false): Promise<SimulationResult> {
  const simulation = await Simulation.start(seed, trace)
  try {
    return await simulation.run()
  } catch (error) {
    const { journal } = simulation.cluster
    const what = error instanceof Violation ? error.message : String((error as Error).stack)
    const again = `npm run simulate -- --seed=${seed} --trace`
    const violation = new Violation(`seed ${seed}: ${what}\n  see it again: ${again}`, { cause: error })
    throw Object.assign(violation, { journal })
  }
}

class Simulation {
  readonly cluster: SimulatedCluster
  readonly #random: SeededRandom
  readonly #workload: Workload
  /** Cancels what is still to go wrong. */
  readonly #planned: (() => void)[] = []
  readonly #isRough: boolean
  readonly #spanMs: Millis
  readonly #heartbeatMs: Millis
  readonly #heartMissesMax: number

  private constructor(cluster: SimulatedCluster, random: SeededRandom, controller: ControllerOptions) {
    this.cluster = cluster
    this.#random = random
    this.#isRough = random.chance(0.8)
    this.#workload = new Workload(cluster, random, this.#isRough)
    this.#spanMs = random.pick([200, 1000, 5000])
    this.#heartbeatMs = controller.pingMs!
    this.#heartMissesMax = controller.heartMissesMax!
  }

  static async start(seed: number, trace: boolean): Promise<Simulation> {
    const random = new SeededRandom(seed)
    const controller: ControllerOptions = {
      scheme: random.pick(['leastload', 'leastload', 'lru', 'plainrandom', 'twobin', 'weighted'] as const),
      hwm: random.pick(['auto', 'auto', 0, 1, 2, 5] as const),
      pingMs: random.pick([200, 1000, 3000]),
      registrationTimeoutMs: REGISTRATION_TIMEOUT_MS,
      heartMissesMax: random.between(2, 5),
    }
    const cluster = await SimulatedCluster.start({ seed, controller, trace })
    return new Simulation(cluster, random, controller)
  }

  async run(): Promise<SimulationResult> {
    const { cluster } = this
    const random = this.#random
    for (let i = random.between(1, 4); i > 0; i--) cluster.addEngine()
    for (let i = random.between(1, 3); i > 0; i--) cluster.addClient()
    await cluster.run(START_MS, () => this.#isStarted())
    if (!this.#isStarted()) cluster.fail('the cluster did not start')
    if (this.#isRough) this.#makeRough()
    this.#planRequests()
    if (this.#isRough) this.#planFaults()
    await cluster.run(this.#spanMs)
    await this.#settle()
    await this.#checkNothingIsLeft()
    await cluster.close()
    return {
      journal: cluster.journal,
      requests: this.#workload.fates.length,
      runs: this.#workload.fates.reduce((sum, fate) => sum + fate.runs.length, 0),
      deaths: this.#workload.fates.reduce((sum, fate) => sum + fate.deaths, 0),
      simulatedMs: cluster.clock.nowMs(),
    }
  }

  #isStarted(): boolean {
    const { engines, clients } = this.cluster
    return clients.every(({ isReady }) => isReady) && engines.every(({ isRegistered }) => isRegistered)
  }

  #makeRough(): void {
    const { faults } = this.cluster.network
    const random = this.#random
    faults.delay = random.pick([0, 0.05, 0.3])
    // Longer, and the heartbeat rightly takes engines for dead that are only far away.
    faults.delayMsMax = Math.min(random.pick([5, 50, 300]), this.#heartbeatMs / 3)
    faults.duplicate = random.pick([0, 0, 0.05])
    faults.drop = random.pick([0, 0.1])
  }

  #planRequests(): void {
    for (let i = this.#random.between(5, 40); i > 0; i--) {
      this.#later(this.#random.next() * this.#spanMs, () => this.#workload.request())
    }
    for (let i = this.#random.between(0, 3); i > 0; i--) {
      this.#later(this.#random.next() * this.#spanMs, () => this.#workload.disturb())
    }
  }

  #later(delayMs: Millis, action: () => void): void {
    this.#planned.push(this.cluster.clock.after(delayMs, action))
  }

  // --- what goes wrong ---

  #planFaults(): void {
    this.cluster.wiretap.onSent = sighting => this.#aim(sighting)
    if (this.#random.chance(0.1)) {
      const pauseMs = this.#random.pick([1, 50, 500])
      this.#later(this.#random.next() * this.#spanMs, () => this.cluster.restartController(pauseMs))
    }
    for (let i = this.#random.between(1, 6); i > 0; i--) {
      this.#later(this.#random.next() * this.#spanMs, () => this.#fault())
    }
  }

  /** Moments that seldom meet a fault by chance: while a recall is under way, nobody else knows whose a task is. */
  #aim({ channel, byController, envelope, peer }: Sighting): void {
    if (channel !== 'engineControl' || !byController || envelope.header.msg_type !== 'recall_request') return
    if (!this.#random.chance(0.15)) return
    const engine = this.cluster.engines.find(({ process }) => process.name === peer)!
    this.#later(this.#random.next() * 0.3, () => {
      const links = this.cluster.network.connectionsOf(engine.process)
      const control = links.filter(link => this.cluster.wiretap.channelOf(link) === 'engineControl')
      this.cluster.cut(engine, control, 20)
    })
  }

  #fault(): void {
    const { cluster } = this
    const random = this.#random
    const live = cluster.liveEngines
    const engine = live.length === 0 ? undefined : random.pick(live)
    const roll = random.next()
    if (roll < 0.15 || engine === undefined) cluster.addEngine()
    else if (roll < 0.4) cluster.kill(engine)
    else if (roll < 0.55) this.#stop(engine)
    else if (roll < 0.8) this.#cut(engine)
    else if (roll < 0.87) this.#cutClient()
    else if (roll < 0.93) cluster.leave(engine)
    else if (cluster.clients.length > 1 && roll < 0.97) cluster.killClient(random.pick(cluster.clients))
    else cluster.addClient()
  }

  /** As by SIGSTOP; for long enough, it is taken for dead. */
  #stop(engine: SimulatedEngine): void {
    const dyingMs = this.#heartbeatMs * (this.#heartMissesMax + 2)
    const spanMs = this.#random.next() * dyingMs * 1.5
    this.cluster.note(`engine ${engine.number} stops for ${spanMs.toFixed(0)} ms`)
    engine.process.stop()
    this.#later(spanMs, () => engine.process.goOn())
  }

  #cut(engine: SimulatedEngine): void {
    const random = this.#random
    const links = this.cluster.network.connectionsOf(engine.process)
    if (links.length === 0) return
    const broken = random.chance(0.3) ? links : [random.pick(links)]
    this.cluster.cut(engine, broken, random.pick([1, 1, 20, 400]))
  }

  #cutClient(): void {
    const { cluster } = this
    const random = this.#random
    const client = random.pick(cluster.clients)
    const links = cluster.network.connectionsOf(client.process)
    if (links.length === 0) return
    const broken = random.chance(0.3) ? links : [random.pick(links)]
    cluster.cutClient(client, broken, random.pick([1, 1, 20, 400]))
  }

  // --- the end ---

  async #settle(): Promise<void> {
    const { cluster } = this
    Object.assign(cluster.network.faults, NO_FAULTS)
    cluster.wiretap.onSent = () => {}
    for (const cancel of this.#planned) cancel()
    for (const engine of cluster.engines) engine.process.goOn()
    await cluster.run(SETTLE_MS, () => {
      // Tasks may kill what is there to the last.
      const live = cluster.liveEngines
      const isWilling = LANGUAGES.every(language =>
        live.some(engine => engine.number % 2 === 0 && cluster.viewOf(engine).language === language),
      )
      if (live.length < ENGINES_MIN || !isWilling) cluster.addEngine()
      return this.#open().length === 0
    })
    const open = this.#open()
    if (open.length > 0)
      cluster.fail(`${open.length} requests were not answered: ${open.map(({ name }) => name)}`, open[0])
    // An engine that was killed just when it registered is found out by its heartbeat alone.
    await cluster.run(REJOIN_MS + (this.#heartMissesMax + 2) * this.#heartbeatMs)
    this.#checkRosters()
    cluster.validate()
  }

  /** When nothing goes wrong any more, every client knows all engines there are, and no other. */
  #checkRosters(): void {
    const { cluster } = this
    const live = cluster.liveEngines.filter(({ isRegistered }) => isRegistered).map(({ uuid }) => uuid)
    for (const { isReady, number, dispatcher } of cluster.clients) {
      if (!isReady) continue
      const { roster } = dispatcher
      const known = roster.ids.map(id => roster.uuidOf(id)!)
      const wrong = [
        ...live.filter(uuid => !known.some(other => other === uuid)),
        ...known.filter(uuid => !live.includes(uuid)),
      ]
      if (wrong.length > 0)
        cluster.fail(`client ${number} is wrong about ${wrong.map(uuid => cluster.names.of(uuid))}`)
    }
  }

  /** Requests that must still be answered. */
  #open(): Fate[] {
    return this.#workload.fates.filter(
      fate => fate.settledCount === 0 && fate.client.process.isAlive && !this.#isExcused(fate),
    )
  }

  /** It was lost, or it waits for what was. */
  #isExcused(fate: Fate): boolean {
    const { isLost, target, client } = fate
    const { after, follow, own } = fate.wish
    const ids = [...(after?.ids ?? []), ...(follow?.ids ?? [])]
    const { witness } = this.cluster
    const engine = target === undefined || own ? undefined : witness.engines.get(target)!
    // Nobody tells a stock client of a request that is lost with an engine that does not remember, nor again of a death.
    if (engine?.wasCut === true && !engine.remembers) return true
    // Nor of what came before its engine was there again, when the controller was new.
    if (engine !== undefined && witness.isBlurred(fate)) return true
    if (engine?.wasDismissed === true && client.cuts.has('notification')) return true
    return isLost || ids.some(id => this.#isExcused(witness.fateOf(id)!))
  }

  async #checkNothingIsLeft(): Promise<void> {
    const { cluster } = this
    await cluster.run(FORGET_MS)
    const { outstandingCount } = cluster.controller
    const excused = this.#workload.fates.filter(
      fate => this.#isExcused(fate) || !fate.client.process.isAlive,
    ).length
    if (outstandingCount > excused)
      cluster.fail(
        `the controller still has ${outstandingCount} requests in hand, of which ${excused} may be lost`,
      )
    const wasCut = [...cluster.witness.engines.values()].some(engine => engine.wasCut)
    for (const client of cluster.clients) {
      const lost = this.#workload.fates.filter(fate => fate.client === client && this.#isExcused(fate)).length
      // The control relay keeps nothing: what a connection takes along there, nobody tells.
      const left = client.dispatcher
        .outstanding()
        .filter(({ route }) => !(wasCut && route === 'control')).length
      if (client.isReady && left > lost)
        cluster.fail(`client ${client.number} still has ${left} requests, of which ${lost} may be lost`)
    }
    cluster.validate()
  }
}
