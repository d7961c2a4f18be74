import { CompositeError, UsageError } from '../errors.ts'
import type { RequestRecord } from './request-record.ts'

/**
 * The values of several requests, in their order. A promise where one of them needs an import first.
 *
 * @throws the error of the one that failed; a CompositeError when several did.
 */
export function collectValues(
  records: readonly RequestRecord[],
  what: string,
): unknown[] | Promise<unknown[]> {
  const values: unknown[] = []
  const errors: Error[] = []
  let isAsync = false
  for (const record of records) {
    try {
      const value = record.take()
      isAsync ||= value instanceof Promise
      values.push(value)
    } catch (error) {
      errors.push(error as Error)
    }
  }
  if (errors.length === 0) return isAsync ? Promise.all(values) : values
  // Promises among the values are dropped: their failures must not surface as unhandled ones.
  for (const value of values) if (value instanceof Promise) value.catch(() => {})
  throw errors.length === 1 ? errors[0] : new CompositeError(errors, what)
}

/**
 * The values of requests that have ended well, by the numbers of the engines that gave them.
 *
 * @throws UsageError when an engine answered more than once.
 */
export async function valuesByEngine<Value>(
  records: readonly RequestRecord[],
): Promise<Record<number, Value>> {
  const values: Record<number, Value> = {}
  for (const record of records) {
    const id = record.engineId
    if (id === undefined) continue
    if (Object.hasOwn(values, id))
      throw new UsageError(`engine ${id} answered more than once: getDict() is for one answer an engine`)
    values[id] = (await record.take()) as Value
  }
  return values
}
