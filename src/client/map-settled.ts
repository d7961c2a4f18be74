import { RemoteError } from '../errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { RequestRecord } from './request-record.ts'
import { decodeValue } from './view.ts'

/** What `mapSettled` gives: a value for each element, and the errors of those that have none. */
interface Settled {
  readonly values: unknown[]
  readonly failures: readonly (readonly [index: number, error: unknown])[]
}

/**
 * Runs on the engine: a map in which an element that fails does not take the others with it. It travels as any function
 * does, and refers to nothing but its arguments.
 */
export async function mapSettled(
  fn: (...args: unknown[]) => unknown,
  columns: readonly ArrayLike<unknown>[],
): Promise<Settled> {
  const values: unknown[] = []
  const failures: [number, unknown][] = []
  const length = columns[0]!.length
  for (let index = 0; index < length; index++) {
    try {
      values[index] = await fn(...columns.map(column => column[index]))
    } catch (error) {
      // It is not the element that failed: the whole message must go to another engine.
      if (error instanceof Error && error.name === 'UnmetDependency') throw error
      values[index] = undefined
      failures.push([index, error])
    }
  }
  return { values, failures }
}

/** The values, with a RemoteError in the place of each that failed. */
export async function decodeSettled(reply: Envelope, record: RequestRecord): Promise<unknown[]> {
  const { values, failures } = (await decodeValue(reply)) as Settled
  for (const [index, thrown] of failures) values[index] = elementError(thrown, index, record)
  return values
}

function elementError(thrown: unknown, index: number, record: RequestRecord): RemoteError {
  const isError = thrown instanceof Error
  return new RemoteError({
    ename: isError ? thrown.name : 'Error',
    evalue: isError ? thrown.message : String(thrown),
    traceback: isError ? (thrown.stack ?? '') : '',
    index: record.firstIndex + index,
    msgId: record.msgId,
    ...(record.engineId !== undefined && { engineId: record.engineId }),
    ...(record.engineUuid !== undefined && { engineUuid: record.engineUuid }),
    ...(isError && thrown.cause !== undefined && { cause: thrown.cause }),
  })
}
