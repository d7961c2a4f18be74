import type { Json } from '../../protocol/envelope.ts'
import { type Dependency, readDependency } from './dependency.ts'
import { ANYWHERE, type Whereabouts } from './waiting-room.ts'

/** What the metadata of a task asks for. */
export interface TaskPlan {
  readonly after: Dependency | undefined
  readonly follow: Dependency | undefined
  /** Uuids of the engines it may run on; undefined: any. */
  readonly targets: ReadonlySet<string> | undefined
  /** Where it may run but for its targets: on the engines of its language, if its client says which that is. */
  readonly language: Whereabouts
  /** How long it may wait; Infinity: for ever. */
  readonly timeoutMs: number
  readonly retries: number
  /** It follows our own rules: an engine's death is not counted against `retries`. */
  readonly own: boolean
}

/** Whether a request carries the mark of our own clients. */
export function isOwnRequest(metadata: Json): boolean {
  const mark = metadata.itsparallel
  return typeof mark === 'object' && mark !== null && (mark as Json).v === 1
}

/**
 * @returns the plan, or the error to answer with: which name, and what is wrong.
 */
function readTaskPlan(metadata: Json): TaskPlan | { readonly ename: string; readonly evalue: string } {
  const after = readDependency(metadata.after)
  const follow = readDependency(metadata.follow)
  if (typeof after === 'string') return { ename: 'InvalidDependency', evalue: after }
  if (typeof follow === 'string') return { ename: 'InvalidDependency', evalue: follow }
  const { targets, timeout, retries } = metadata
  if (
    !isAbsent(targets) &&
    !(Array.isArray(targets) && targets.every(target => typeof target === 'string'))
  ) {
    return { ename: 'TypeError', evalue: 'targets must be a list of engine uuids' }
  }
  if (!isAbsent(timeout) && typeof timeout !== 'number') {
    return { ename: 'TypeError', evalue: 'timeout must be a number of seconds' }
  }
  if (!isAbsent(retries) && typeof retries !== 'number') {
    return { ename: 'TypeError', evalue: 'retries must be a number' }
  }
  return {
    after,
    follow,
    targets: isAbsent(targets) || targets.length === 0 ? undefined : new Set<string>(targets),
    timeoutMs: typeof timeout === 'number' && timeout > 0 ? timeout * 1000 : Number.POSITIVE_INFINITY,
    retries: typeof retries === 'number' ? retries : 0,
    own: isOwnRequest(metadata),
    language: readLanguage(metadata),
  }
}

/** Only our own clients say it. */
function readLanguage(metadata: Json): Whereabouts {
  if (!isOwnRequest(metadata)) return ANYWHERE
  const { lang } = metadata.itsparallel as Json
  return typeof lang === 'string' ? { language: lang } : ANYWHERE
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

/** What a task asks for whose metadata cannot be read: nothing. */
export const NO_PLAN: TaskPlan = {
  after: undefined,
  follow: undefined,
  targets: undefined,
  language: ANYWHERE,
  timeoutMs: Number.POSITIVE_INFINITY,
  retries: 0,
  own: false,
}

/** Reads plans, and reads the same metadata object once: the shell hands over the same one for equal bytes. */
export class PlanReader {
  #metadata: Json | undefined
  #plan: TaskPlan = NO_PLAN

  read(metadata: Json): ReturnType<typeof readTaskPlan> {
    if (metadata === this.#metadata) return this.#plan
    const plan = readTaskPlan(metadata)
    if ('ename' in plan) return plan
    this.#metadata = metadata
    this.#plan = plan
    return plan
  }
}
