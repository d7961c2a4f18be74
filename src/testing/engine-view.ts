import type { Fate } from './fate.ts'

/** An engine as the witness knows it. */
export interface EngineView {
  readonly name: string
  readonly uuid: string
  readonly language: string
  /** It was killed, ended, or was asked to end. */
  isGone: boolean
  /** A connection of it was broken at some time. */
  wasCut: boolean
  /** It does not run again what comes again. */
  readonly remembers: boolean
  /** When the last ping was sent whose echo reached the controller. */
  lastPingMs: number
  /** The hub has told everybody that it left. */
  isDismissed: boolean
  /** It had, at some time. */
  wasDismissed: boolean
  /** What it has in hand, as the balanced scheduler sees it. */
  readonly held: Set<Fate>
  /** Tasks that it has begun, and those that it gave back, by the signatures under which it had them. */
  readonly begun: Set<string>
  readonly givenBack: Set<string>
  /** Per client and route, the number of the last request that was for it and began. */
  readonly lastBegun: Map<string, number>
}
