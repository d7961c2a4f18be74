import type { EngineUuid } from '../base/ids.ts'
import type { RequestRecord } from './request-record.ts'

/**
 * Which engine is to be asked to abort which requests: the one that a request was sent to, or, for load-balanced tasks,
 * all of them. Nothing is ever asked of nobody: an empty list would mean "everything" to some engines.
 */
export function abortLists(
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
