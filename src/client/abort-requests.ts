import type { EngineUuid } from '../base/ids.ts'
import { EngineError, RemoteError } from '../errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { RequestRecord } from './request-record.ts'

/** @param interrupt - whether what runs is ended, too. */
export async function abortRequests(
  host: Dispatcher,
  records: readonly RequestRecord[],
  interrupt: boolean,
): Promise<void> {
  const everywhere = host.roster.ids.map(id => host.roster.uuidOf(id)!)
  const lists = [...abortLists(records, everywhere)]
  const tasks = records.filter(({ route }) => route === 'balanced').map(({ msgId }) => msgId)
  await Promise.all([
    // The controller first: what no engine has must not come to one that hears nothing of this.
    tasks.length > 0 && host.ask('hub', 'abort_request', { msg_ids: tasks }).catch(ignoreStrangers),
    ...lists.map(([engine, msgIds]) => {
      const content = { msg_ids: msgIds, ...(interrupt && { interrupt }) }
      return host.ask('control', 'abort_request', content, engine).catch(ignoreDeath)
    }),
  ])
}

/**
 * Which engine is to be asked to abort which requests: the one that a request was sent to, or, for load-balanced tasks,
 * all of them. Nothing is ever asked of nobody: an empty list would mean "everything" to some engines.
 */
function abortLists(
  records: readonly RequestRecord[],
  everywhere: readonly EngineUuid[],
): ReadonlyMap<EngineUuid, readonly string[]> {
  const lists = new Map<EngineUuid, string[]>()
  for (const { route, engine, msgId } of records) {
    if (route === 'hub' || route === 'control') continue
    for (const uuid of engine === undefined ? everywhere : [engine]) {
      const list = lists.get(uuid)
      if (list === undefined) lists.set(uuid, [msgId])
      else list.push(msgId)
    }
  }
  return lists
}

/** A controller of another make does not know the request. */
function ignoreStrangers(error: unknown): void {
  if (!(error instanceof RemoteError)) throw error
}

/** An engine that is dead runs nothing. */
function ignoreDeath(error: unknown): void {
  if (!(error instanceof EngineError)) throw error
}
