import type { AsyncMapResult } from './async-map-result.ts'

const groups = new WeakMap<AbortSignal, Set<AsyncMapResult<unknown>>>()

/**
 * Ends a map when the signal is aborted, as a whole and not request by request: what has not been sent is part of it.
 * One listener a signal, however many maps there are, and none of them is held once it has ended.
 *
 * @returns whether it was aborted before, so that nothing is to be sent.
 */
export function cancelOn(signal: AbortSignal, result: AsyncMapResult<unknown>): boolean {
  if (signal.aborted) return result.cancel(signal.reason)
  let group = groups.get(signal)
  if (group === undefined) {
    group = new Set()
    groups.set(signal, group)
    const members = group
    const cancelAll = () => {
      for (const member of members) member.cancel(signal.reason)
    }
    signal.addEventListener('abort', cancelAll, { once: true })
  }
  group.add(result)
  const members = group
  void result.wait().then(() => members.delete(result))
  return false
}
