import { RemoteError } from '../errors.ts'
import { type MaybePromise, nodeRealm, unpackError, unpackValue } from '../serialize/payload.ts'
import type { Frame, Message } from '../transport/socket.ts'
import type { RequestRecord } from './request-record.ts'

interface PackedFailure {
  readonly index: number
  readonly ename: string
  readonly evalue: string
  readonly traceback: string[]
  readonly frames: readonly Uint8Array[]
}

/** A piece of a map in which elements failed, as the engine sends it. */
interface PackedPartial {
  readonly values: unknown[]
  readonly failures: readonly PackedFailure[]
}

/** What the elements before the first that failed gave. */
export function valuesBeforeFailure(frames: Message): MaybePromise<unknown[]> {
  return then(readPartial(frames), ({ values }) => values)
}

/** Every element's value, with a RemoteError in the place of each that failed. */
export function valuesWithErrors(frames: Message, record: RequestRecord): MaybePromise<unknown[]> {
  return then(readPartial(frames), ({ values, failures }) => {
    for (const failure of failures) values[failure.index] = elementError(failure, record)
    return values
  })
}

/** Of a piece that failed as a whole, its engine dead or its task aborted: an error for each of its elements. */
export function errorsOfAll(error: Error, size: number, record: RequestRecord): RemoteError[] {
  const told =
    error instanceof RemoteError ? error : { ename: error.name, evalue: error.message, traceback: '' }
  return Array.from({ length: size }, (_, index) =>
    error instanceof RemoteError && error.index === record.firstIndex + index
      ? error
      : remoteError({ ...told, cause: error }, index, record),
  )
}

function readPartial(frames: Message): MaybePromise<PackedPartial> {
  return unpackValue(frames, nodeRealm) as MaybePromise<PackedPartial>
}

function elementError(failure: PackedFailure, record: RequestRecord): RemoteError {
  return remoteError(unpackError(failure, failure.frames.map(asFrame)), failure.index, record)
}

function remoteError(
  {
    ename,
    evalue,
    traceback,
    cause,
  }: Pick<RemoteError, 'ename' | 'evalue' | 'traceback'> & { cause?: unknown },
  index: number,
  record: RequestRecord,
): RemoteError {
  const { msgId, engineId, engineUuid } = record
  return new RemoteError({
    ename,
    evalue,
    traceback,
    index: record.firstIndex + index,
    msgId,
    ...(engineId !== undefined && { engineId }),
    ...(engineUuid !== undefined && { engineUuid }),
    ...(cause !== undefined && { cause }),
  })
}

function asFrame(bytes: Uint8Array): Frame {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function then<T, R>(value: MaybePromise<T>, next: (value: T) => R): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
