import type { RequestRecord } from '../client/request-record.ts'
import type { Dependency } from '../controller/state/dependency.ts'
import type { Program } from './program.ts'
import type { SimulatedClient } from './simulated-client.ts'

/** What one request of a simulation asks for. */
export interface Wish {
  readonly program: Program
  readonly route: 'direct' | 'balanced'
  /** With the mark of our own clients, or as a stock one sends it. */
  readonly own: boolean
  /** What its code is written in; undefined where nobody says. */
  readonly language?: string | undefined
  readonly retries: number
  /** How long it may wait; Infinity: for ever. */
  readonly timeoutMs: number
  readonly after: Dependency | undefined
  readonly follow: Dependency | undefined
  /** Uuids of engines; for a direct request the one it is for. */
  readonly targets: readonly string[] | undefined
}

/** One time that a request was begun on an engine. */
export interface Run {
  readonly engine: string
  readonly startedMs: number
  how: 'running' | 'done' | 'thrown' | 'refused'
}

/** How the controller answered. */
export interface Answer {
  readonly ok: boolean
  readonly aborted: boolean
  readonly ename: string | undefined
  /** Who ran it; undefined when the scheduler itself answered. */
  readonly engine: string | undefined
}

/** Everything that is seen of one request. */
export class Fate {
  readonly name: string
  readonly wish: Wish
  readonly client: SimulatedClient
  readonly submittedMs: number
  record: RequestRecord | undefined
  readonly runs: Run[] = []
  /** The engine that the scheduler gave it to, as long as it has not answered and is not known to be dead. */
  holder: string | undefined
  /** Engines whose refusal the scheduler has got. */
  readonly refusedBy = new Set<string>()
  /** Failed attempts that the scheduler has got. */
  failures = 0
  /** Engines that died with it. */
  deaths = 0
  /** A broken connection hides who had it, and so who died with it. */
  isHidden = false
  dispatches = 0
  /** The last reply that reached the scheduler came from the engine that it was assigned to. */
  lastReplyCounts = false
  answer: Answer | undefined
  settledCount = 0
  abortAsked = false
  /** A broken connection took a message of it along which nobody sends again. */
  isLost = false

  constructor(name: string, wish: Wish, client: SimulatedClient, submittedMs: number) {
    this.name = name
    this.wish = wish
    this.client = client
    this.submittedMs = submittedMs
  }

  /** What its client was answered, and on what it waits, can be seen. */
  get isSeen(): boolean {
    return this.client.process.isAlive && !this.client.wasCut
  }

  /** It may be what killed its engine: of our own tasks the scheduler then lets it run alone. */
  get suspect(): boolean {
    return this.wish.own && this.deaths > 0 && !this.isHidden
  }
}
