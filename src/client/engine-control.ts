import { EngineError } from '../errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import { type QueueStatus, readQueueStatus } from './queue-status.ts'
import type { RequestRecord } from './request-record.ts'
import { resolveTargets, type Targets } from './targets.ts'

/** What engines are asked for while they may be busy. */
export type ControlType = 'clear_request' | 'signal_request' | 'shutdown_request'

/**
 * Asks each of `targets`, and resolves when all have answered.
 *
 * @throws what the first of them answers that could not.
 */
export async function controlEngines(
  host: Dispatcher,
  targets: Targets,
  type: ControlType,
  content: object,
): Promise<void> {
  const engines = resolveTargets(host.roster, targets)
  const answers = engines.map(({ uuid }) => host.ask('control', type, content, uuid))
  for (const answer of await Promise.allSettled(answers)) {
    // An engine that is gone before it could answer has done what it was asked to do.
    if (answer.status === 'rejected' && !(isEnding(type, content) && answer.reason instanceof EngineError))
      throw answer.reason
  }
}

/** Asks the hub how much each of `targets` has before it. */
export async function askQueueStatus(
  host: Dispatcher,
  targets: Targets,
  verbose: boolean,
): Promise<QueueStatus<number | readonly string[]>> {
  const ids = targets === 'all' ? null : resolveTargets(host.roster, targets).map(({ id }) => id)
  return readQueueStatus(await host.ask('hub', 'queue_request', { targets: ids, verbose }))
}

/** Those of `records` that `targets` have or may get: a task that no engine has yet may be given to any. */
export function recordsAt(
  host: Dispatcher,
  records: readonly RequestRecord[],
  targets: Targets,
): RequestRecord[] {
  const uuids = new Set(resolveTargets(host.roster, targets).map(({ uuid }) => uuid))
  return records.filter(({ engine }) => engine === undefined || uuids.has(engine))
}

/** A signal may be the engine's end, too: nothing is left that could answer. */
function isEnding(type: ControlType, content: object): boolean {
  return (
    type === 'shutdown_request' ||
    (type === 'signal_request' && !('sig' in content && content.sig === 'SIGINT'))
  )
}
