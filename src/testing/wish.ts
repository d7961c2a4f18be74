import type { Dependency } from '../controller/state/dependency.ts'
import type { Program } from './program.ts'

/** What one request of a simulation asks for. */
export interface Wish {
  readonly program: Program
  readonly route: 'direct' | 'balanced' | 'broadcast'
  /** With the mark of our own clients, or as a stock one sends it. */
  readonly own: boolean
  /** What its code is written in; undefined where nobody says. */
  readonly language?: string | undefined
  readonly retries: number
  /** How long it may wait; Infinity: for ever. */
  readonly timeoutMs: number
  readonly after: Dependency | undefined
  readonly follow: Dependency | undefined
  /** Uuids of engines; for a direct request, and each of a broadcast's, the one it is for. */
  readonly targets: readonly string[] | undefined
  /** The hub submits it, under a new name, because a client asks for that. */
  readonly isAgain?: true
}

/** What becomes of a wish when the hub submits it again: a task for any engine of its language. */
export function wishAgain({ program, own, language, retries }: Wish): Wish {
  return {
    ...PLAIN_WISH,
    program,
    own,
    language,
    retries: own ? retries : 0,
    route: 'balanced',
    targets: undefined,
    isAgain: true,
  }
}

/** What the wishes for requests to given engines, one by one or as a broadcast, have in common: none of a task's. */
export const PLAIN_WISH = {
  retries: 0,
  timeoutMs: Number.POSITIVE_INFINITY,
  after: undefined,
  follow: undefined,
} as const

/** The metadata with which a client sends it. */
export function metadataOf(wish: Wish): Readonly<Record<string, unknown>> {
  const { own, language, after, follow, targets, retries, timeoutMs, route } = wish
  return {
    ...(own && { itsparallel: { v: 1, lang: language } }),
    ...(after !== undefined && { after: wireForm(after) }),
    ...(follow !== undefined && { follow: wireForm(follow) }),
    ...(route === 'balanced' && targets !== undefined && { targets }),
    ...(retries > 0 && { retries }),
    ...(timeoutMs !== Number.POSITIVE_INFINITY && { timeout: timeoutMs / 1000 }),
  }
}

function wireForm({ ids, all, success, failure }: Dependency): object {
  return { dependencies: ids, all, success, failure }
}
