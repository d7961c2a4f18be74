import type { RequestRecord } from '../client/request-record.ts'
import type { SimulatedClient } from './simulated-client.ts'
import type { Wish } from './wish.ts'

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
  /** Larger than that of whatever was asked for before. */
  readonly order: number
  /** The client's own; of what the hub submits again there is none. */
  record: RequestRecord | undefined
  readonly runs: Run[] = []
  /** The engine that the scheduler gave it to, as long as it has not answered and is not known to be dead. */
  holder: string | undefined
  /** The signature under which it was given to the holder. */
  sentAs: string | undefined
  /** Engines whose refusal the scheduler has got. */
  readonly refusedBy = new Set<string>()
  /** Failed attempts that the scheduler has got. */
  failures = 0
  /** Of these, those of engines that a broken connection may have taken it from before: they may count for nothing. */
  doubtfulFailures = 0
  /** Engines that died with it. */
  deaths = 0
  /** A broken connection hides who had it, and so who died with it. */
  isHidden = false
  dispatches = 0
  /** The last reply that reached the scheduler came from the engine that it was assigned to. */
  lastReplyCounts = false
  answer: Answer | undefined
  settledCount = 0
  /** What became of it when the hub was asked to submit it again. */
  again: Fate | undefined
  abortAsked = false
  /** A broken connection took a message of it along which nobody sends again. */
  isLost = false

  constructor(name: string, wish: Wish, client: SimulatedClient, submittedMs: number, order: number) {
    this.name = name
    this.wish = wish
    this.client = client
    this.submittedMs = submittedMs
    this.order = order
  }

  /** What its client was answered, and on what it waits, can be seen. */
  get isSeen(): boolean {
    return this.client.process.isAlive && !this.client.cuts.has('task')
  }

  /** It may be what killed its engine: of our own tasks the scheduler then lets it run alone. */
  get suspect(): boolean {
    return this.wish.own && this.deaths > 0 && !this.isHidden
  }

  /** The engine that it is for; undefined where the scheduler chooses one. */
  get target(): string | undefined {
    return this.wish.route === 'balanced' ? undefined : this.wish.targets![0]
  }
}
