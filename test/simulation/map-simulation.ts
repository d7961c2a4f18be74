/**
 * A map in virtual time: the client's MapRun, the balanced scheduler's TaskQueue, and engines that take as long as they
 * are told. Nothing sleeps, and the same durations give the same makespan.
 */

import {
  type AsyncMapResult,
  failInput,
  feedWith,
  nextPiece,
  untaken,
} from '../../src/client/async-map-result.ts'
import { columnReader } from '../../src/client/columns.ts'
import { MapRun } from '../../src/client/map-run.ts'
import { type RequestRecord, seal } from '../../src/client/request-record.ts'
import type { Task } from '../../src/controller/state/task.ts'
import type { TaskQueueEvent } from '../../src/controller/state/task-events.ts'
import { TaskQueue } from '../../src/controller/state/task-queue.ts'

/** What a message takes from one process to the next. */
const HOP_MS = 0.1
/** What a message costs an engine besides the elements in it. */
const MESSAGE_MS = 0.05

interface Piece {
  readonly msgId: string
  readonly size: number
  readonly runMs: number
}

interface Moment {
  readonly atMs: number
  readonly act: () => void
}

/** An engine that runs one piece after the other. */
class SimulatedEngine {
  readonly uuid: string
  #queue: Piece[] = []
  #isBusy = false

  constructor(id: number) {
    this.uuid = `engine-${id}`
  }

  take(piece: Piece, simulation: Simulation): void {
    this.#queue.push(piece)
    if (!this.#isBusy) this.#next(simulation)
  }

  /** Gives back what it has not begun. */
  giveBack(asked: ReadonlySet<string>): string[] {
    const given = this.#queue.filter(({ msgId }) => asked.has(msgId)).map(({ msgId }) => msgId)
    this.#queue = this.#queue.filter(({ msgId }) => !given.includes(msgId))
    return given
  }

  #next(simulation: Simulation): void {
    const piece = this.#queue.shift()
    this.#isBusy = piece !== undefined
    if (piece === undefined) return
    simulation.after(piece.runMs + MESSAGE_MS, () => {
      simulation.replied(this, piece)
      this.#next(simulation)
    })
  }
}

class Simulation {
  readonly #queue = new TaskQueue({ scheme: 'leastload', hwm: 'auto', random: () => 0.5 })
  readonly #engines = new Map<string, SimulatedEngine>()
  readonly #pieces = new Map<string, Piece>()
  readonly #moments: Moment[] = []
  readonly #durationsMs: readonly number[]
  #nowMs = 0
  #wakeAtMs = Number.POSITIVE_INFINITY
  #endMs = 0
  #elements = 0
  #size = 0
  #run: MapRun | undefined
  messages = 0

  constructor(durationsMs: readonly number[], engines: number) {
    this.#durationsMs = durationsMs
    for (let id = 0; id < engines; id++) {
      const engine = new SimulatedEngine(id)
      this.#engines.set(engine.uuid, engine)
      this.#happened({ type: 'engine_joined', engine: engine.uuid, id, recalls: true })
    }
  }

  /** @returns when the last value was there. */
  run(chunkSize: number | 'auto'): number {
    this.#run = new MapRun(this.#result(), columnReader([this.#durationsMs]), {
      chunkSize,
      maxOutstanding: 'auto',
      engines: () => this.#engines.size,
      pack: () => [],
      send: (_, firstIndex) => this.#send(firstIndex),
    })
    for (let moment = this.#moments.shift(); moment !== undefined; moment = this.#moments.shift()) {
      this.#nowMs = moment.atMs
      moment.act()
    }
    if (this.#elements !== this.#durationsMs.length) throw new Error('the map ended before its elements')
    return this.#endMs
  }

  after(ms: number, act: () => void): void {
    const atMs = this.#nowMs + ms
    const later = this.#moments.findIndex(moment => moment.atMs > atMs)
    this.#moments.splice(later === -1 ? this.#moments.length : later, 0, { atMs, act })
  }

  replied(engine: SimulatedEngine, { msgId, runMs }: Piece): void {
    const metadata = { status: 'ok', run_ms: runMs }
    const reply = {} as Extract<TaskQueueEvent, { type: 'task_replied' }>['reply']
    this.after(HOP_MS, () =>
      this.#happened({ type: 'task_replied', engine: engine.uuid, msgId, reply, metadata }),
    )
  }

  #send(firstIndex: number): void {
    const mine = this.#durationsMs.slice(firstIndex, firstIndex + this.#size)
    const msgId = `piece-${firstIndex}`
    this.#pieces.set(msgId, { msgId, size: this.#size, runMs: mine.reduce((sum, ms) => sum + ms, 0) })
    this.messages += 1
    const submitted = {
      type: 'task_submitted',
      msgId,
      client: Buffer.from('client'),
      request: {} as Task['request'],
      metadata: { itsparallel: { v: 1 } },
    } as const
    this.after(HOP_MS, () => this.#happened(submitted))
  }

  #happened(event: TaskQueueEvent): void {
    this.#handle(event)
    const { wakeAtMs } = this.#queue
    if (wakeAtMs === this.#wakeAtMs) return
    this.#wakeAtMs = wakeAtMs
    if (wakeAtMs !== Number.POSITIVE_INFINITY)
      this.after(wakeAtMs - this.#nowMs, () => this.#happened({ type: 'tick' }))
  }

  #handle(event: TaskQueueEvent): void {
    for (const effect of this.#queue.handle(event, this.#nowMs)) {
      if (effect.type === 'dispatch_task') {
        const piece = this.#pieces.get(effect.task.msgId)!
        const engine = this.#engines.get(effect.engine)!
        effect.task.sentAs = Buffer.from(piece.msgId)
        this.after(HOP_MS, () => engine.take(piece, this))
      } else if (effect.type === 'recall_tasks') {
        const asked = new Set(effect.tasks.map(({ msgId }) => msgId))
        this.after(HOP_MS, () => {
          const signatures = new Set(this.#engines.get(effect.engine)!.giveBack(asked))
          this.after(HOP_MS, () =>
            this.#happened({ type: 'tasks_given_back', engine: effect.engine, signatures }),
          )
        })
      } else if (effect.type === 'relay_reply') {
        const piece = this.#pieces.get(effect.task.msgId)!
        this.after(HOP_MS, () => this.#ended(piece))
      }
    }
  }

  #ended({ size, runMs }: Piece): void {
    this.#endMs = this.#nowMs
    this.#elements += size
    this.#run!.pieceEnded({ runMs } as RequestRecord, size)
  }

  /** As much of a result as a MapRun needs. */
  #result(): AsyncMapResult<unknown> {
    const result = {
      [feedWith]: () => {},
      [failInput]: (error: unknown) => {
        throw error
      },
      [nextPiece]: (size: number) => {
        this.#size = size
      },
      [seal]: () => {},
      [untaken]: { pieces: 0, elements: 0 },
    }
    return result as unknown as AsyncMapResult<unknown>
  }
}

/** What came of a map in virtual time. */
export interface Makespan {
  readonly ms: number
  /** No schedule can be shorter: the work shared evenly, or its longest element. */
  readonly boundMs: number
  readonly ratio: number
  readonly messages: number
}

/** Runs a map over elements that take so long, with the default options unless told otherwise. */
export function simulateMap(
  durationsMs: readonly number[],
  engines: number,
  chunkSize: number | 'auto' = 'auto',
): Makespan {
  const simulation = new Simulation(durationsMs, engines)
  const ms = simulation.run(chunkSize)
  const workMs = durationsMs.reduce((sum, one) => sum + one, 0)
  const boundMs = Math.max(workMs / engines, ...durationsMs)
  return { ms, boundMs, ratio: ms / boundMs, messages: simulation.messages }
}
