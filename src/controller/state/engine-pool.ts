/**
 * The engines that the balanced scheduler may use, and which of them is next.
 *
 * With a thousand engines a scan for each task would cost more than all the rest, so the engines with a free slot are
 * kept in a heap in the order of the scheme; the placement functions are only asked where a task may not run everywhere
 * or where the scheme is a random one.
 *
 * An engine that may hold many short tasks gets them in runs of a sixteenth of its window: a run costs one write, and one
 * read for the replies, where tasks dealt out singly to a thousand engines cost two calls of the system each. An idle
 * engine always comes before one that has work.
 *
 * Invariants
 * 1. The heap holds exactly the engines whose load is below their window.
 * 2. The one on top is what the scheme's placement function would pick among all of these, by their ranks.
 */

import { invariant } from '../../base/assert.ts'
import type { Millis } from '../../base/clock.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import { type Candidate, type Placement, type PlacementScheme, placements, type Random } from './placement.ts'
import { Burst, Prefetch } from './prefetch.ts'
import { isOpen, mayRunOn, type Place, type Whereabouts } from './waiting-room.ts'

/** Runs that a window is made of. */
const RUNS_PER_WINDOW = 16

/** What is known of an engine when it joins. */
export interface Newcomer extends Place {
  readonly id: number
  /** Its connection is not there yet, or no longer. */
  readonly isAway: boolean
  /** It can be asked to give tasks back. */
  readonly recalls: boolean
}

/** An engine as the balanced scheduler sees it; `T` is what it is given to do. */
export class PoolEngine<T> implements HeapItem, Candidate, Place {
  readonly uuid: string
  readonly id: number
  /** Of the code that it runs. */
  readonly language: string
  /** What it was given and has not finished, by msg_id, in the order in which it runs it. */
  readonly outstanding = new Map<string, T>()
  readonly prefetch: Prefetch
  readonly recalls: boolean
  /** It was asked to, since anything ended or came there. */
  isRecalled = false
  /** For each time that it was asked and has not answered, what for. */
  readonly asked: (readonly T[])[] = []
  /** What it was asked for when the connection broke that it answers over. */
  doubtful: T[] = []
  /** Since when nothing has ended there, while it has something in hand. */
  aloneSinceMs: Millis = 0
  /** It runs a task that must run alone. */
  isolated = false
  /** Its connection is there. While it is not, the engine may be dead already, and gets nothing more. */
  connected: boolean
  /** When it was last given a task; the smallest was used longest ago. */
  turn: number
  heapAt = -1
  /** Its load in runs, rounded up: what the order goes by. Kept by the pool. */
  rank = 0

  constructor({ uuid, id, language, isAway, recalls }: Newcomer, turn: number, burst: Burst) {
    this.prefetch = new Prefetch(burst)
    this.uuid = uuid
    this.id = id
    this.language = language
    this.connected = !isAway
    this.recalls = recalls
    this.turn = turn
  }

  get load(): number {
    return this.outstanding.size
  }
}

export interface EnginePoolOptions {
  readonly scheme: PlacementScheme
  /** Most tasks an engine may hold; 0: no limit; `auto`: by the run times it reports. */
  readonly hwm: number | 'auto'
  readonly random: Random
}

export class EnginePool<T> {
  readonly #engines = new Map<string, PoolEngine<T>>()
  /** How many engines run each language. */
  readonly #languages = new Map<string, number>()
  readonly #free: IndexedHeap<PoolEngine<T>>
  readonly #place: Placement
  readonly #ordered: boolean
  readonly #byLoad: boolean
  readonly #hwm: number | 'auto'
  readonly #random: Random
  readonly #burst = new Burst()
  #lastTurn = 0
  #firstTurn = 0
  #single = false

  constructor(options: EnginePoolOptions) {
    this.#hwm = options.hwm === 0 ? Number.POSITIVE_INFINITY : options.hwm
    this.#random = options.random
    this.#place = placements[options.scheme]
    this.#ordered = options.scheme === 'leastload' || options.scheme === 'lru'
    this.#byLoad = options.scheme === 'leastload'
    this.#free = new IndexedHeap(
      options.scheme === 'lru'
        ? (a, b) => a.turn < b.turn
        : (a, b) => a.rank < b.rank || (a.rank === b.rank && a.turn < b.turn),
    )
  }

  get size(): number {
    return this.#engines.size
  }

  get(uuid: string): PoolEngine<T> | undefined {
    return this.#engines.get(uuid)
  }

  all(): Iterable<PoolEngine<T>> {
    return this.#engines.values()
  }

  uuids(): Iterable<string> {
    return this.#engines.keys()
  }

  /** A new engine is the next in turn. */
  add(newcomer: Newcomer): PoolEngine<T> {
    this.#firstTurn -= 1
    const engine = new PoolEngine<T>(newcomer, this.#firstTurn, this.#burst)
    this.#engines.set(engine.uuid, engine)
    this.#languages.set(engine.language, (this.#languages.get(engine.language) ?? 0) + 1)
    this.changed(engine)
    return engine
  }

  remove(engine: PoolEngine<T>): void {
    const { uuid, language } = engine
    this.#engines.delete(uuid)
    this.#free.remove(engine)
    const others = this.#languages.get(language)! - 1
    if (others > 0) this.#languages.set(language, others)
    else this.#languages.delete(language)
  }

  /** The engine for a task that may run there. @param alone - only one that has nothing else to do. */
  nextFor(where: Whereabouts, alone: boolean): PoolEngine<T> | undefined {
    const isAnywhere = !alone && isOpen(where) && this.#allSpeak(where.language)
    if (isAnywhere && (this.#ordered || this.#free.size < 2)) return this.#free.peek()
    return this.#nextAmong(engine => (!alone || engine.load === 0) && mayRunOn(where, engine))
  }

  #allSpeak(language: string | undefined): boolean {
    return language === undefined || (this.#languages.size === 1 && this.#languages.has(language))
  }

  /** Looks at every engine. */
  #nextAmong(allowed: (engine: PoolEngine<T>) => boolean): PoolEngine<T> | undefined {
    const candidates: PoolEngine<T>[] = []
    for (const engine of this.#engines.values()) {
      if (engine.heapAt !== -1 && allowed(engine)) candidates.push(engine)
    }
    if (candidates.length === 0) return undefined
    candidates.sort((a, b) => a.turn - b.turn)
    return this.#place(candidates, this.#random)
  }

  /** The engine was just given a task: it goes to the end of the turns. */
  given(engine: PoolEngine<T>): void {
    const rank = engine.rank
    this.#rank(engine)
    // Within a run it stays where it is.
    if (engine.rank === rank && this.#byLoad) {
      if (engine.load >= this.windowOf(engine)) this.#free.remove(engine)
      return
    }
    this.#lastTurn += 1
    engine.turn = this.#lastTurn
    this.#settle(engine)
  }

  /** An engine's connection is lost, or back. */
  setConnected(uuid: string, connected: boolean): void {
    const engine = this.#engines.get(uuid)
    if (engine === undefined) return
    engine.connected = connected
    this.changed(engine)
  }

  /** Must be called whenever the engine's load, window, isolation or connection has changed. */
  changed(engine: PoolEngine<T>): void {
    this.#rank(engine)
    this.#settle(engine)
  }

  #rank(engine: PoolEngine<T>): void {
    const load = engine.load
    const window = this.#hwm === 'auto' ? this.windowOf(engine) : 1
    engine.rank = window < 2 * RUNS_PER_WINDOW ? load : Math.ceil(load / Math.floor(window / RUNS_PER_WINDOW))
  }

  #settle(engine: PoolEngine<T>): void {
    const free = engine.load < this.windowOf(engine)
    if (free && engine.heapAt === -1) this.#free.push(engine)
    else if (free) this.#free.moved(engine)
    else this.#free.remove(engine)
  }

  /** Whether the engine has room for another task. */
  isFree(engine: PoolEngine<T>): boolean {
    return engine.heapAt !== -1
  }

  /** Most tasks that the engine may hold at present. */
  windowOf(engine: PoolEngine<T>): number {
    if (!engine.connected) return 0
    if (this.#single || engine.isolated) return 1
    return this.#hwm === 'auto' ? engine.prefetch.window : this.#hwm
  }

  /** While set, no engine gets more than one task: something waits for an engine of its own. */
  get single(): boolean {
    return this.#single
  }

  set single(single: boolean) {
    if (single === this.#single) return
    this.#single = single
    for (const engine of this.#engines.values()) this.changed(engine)
  }

  validate(): void {
    for (const engine of this.#engines.values()) {
      const free = engine.load < this.windowOf(engine)
      invariant(free === (engine.heapAt !== -1), `engine ${engine.id} is misplaced among the free ones`)
    }
    if (!this.#ordered) return
    const free = [...this.#engines.values()].filter(engine => engine.heapAt !== -1)
    if (free.length === 0) return
    const ranked = free.sort((a, b) => a.turn - b.turn).map(engine => ({ engine, load: engine.rank }))
    const expected = this.#place(ranked, this.#random).engine
    invariant(this.#free.peek() === expected, 'the heap and the placement function disagree')
  }
}
