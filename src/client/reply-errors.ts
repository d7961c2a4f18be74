import type { EngineUuid } from '../base/ids.ts'
import {
  EngineError,
  ImpossibleDependency,
  NoEnginesError,
  RemoteError,
  TaskAborted,
  TaskTimeout,
  UnmetDependency,
} from '../errors.ts'
import type { DeathCause, EngineInfo } from '../protocol/catalogue.ts'
import { unpackError } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'

/** Which request failed, and where. */
export interface FailurePlace {
  readonly msgId: string
  readonly engineUuid: EngineUuid | undefined
  /** Looked up by the uuid: the number in a reply may be -1. */
  readonly engineId: number | undefined
  /** Position in the whole sequence of the first element that was sent with it. */
  readonly firstIndex: number
}

type Content = Readonly<Record<string, unknown>>

/** The error that a reply with another status than `ok` stands for. */
export function errorFromReply(content: Content, buffers: Message, place: FailurePlace): Error {
  if (content.status === 'aborted') return new TaskAborted(`task ${place.msgId} was aborted before it ran`)
  const reason = typeof content.evalue === 'string' ? content.evalue : ''
  switch (content.ename) {
    case 'EngineError':
      return new EngineError(reason || `an engine died while running task ${place.msgId}`)
    case 'NoEnginesError':
      return new NoEnginesError(reason || 'there is no engine to run on')
    case 'TaskAborted':
      return new TaskAborted(reason || `task ${place.msgId} was aborted`)
    case 'TaskTimeout':
      return new TaskTimeout(
        reason || `task ${place.msgId} waited longer for its dependencies than its timeout allows`,
      )
    case 'UnmetDependency':
      return new UnmetDependency(reason || `no engine meets what task ${place.msgId} depends on`)
    case 'ImpossibleDependency':
    case 'InvalidDependency':
      return new ImpossibleDependency(
        reason || `what task ${place.msgId} depends on can no longer be met by any engine`,
      )
    default:
      return remoteError(content, buffers, place)
  }
}

function remoteError(content: Content, buffers: Message, place: FailurePlace): RemoteError {
  const traceback = Array.isArray(content.traceback) ? content.traceback.map(String) : []
  const error = unpackError(
    { ename: String(content.ename ?? 'Error'), evalue: String(content.evalue ?? ''), traceback },
    buffers,
  )
  const info = (content.engine_info ?? {}) as EngineInfo
  const engineId = place.engineId ?? (info.engine_id === -1 ? undefined : info.engine_id)
  return withoutLocalFrames(
    () =>
      new RemoteError({
        ename: error.ename,
        evalue: error.evalue,
        traceback: error.traceback,
        msgId: place.msgId,
        ...(engineId !== undefined && { engineId }),
        ...(place.engineUuid !== undefined && { engineUuid: place.engineUuid }),
        ...(typeof content.index === 'number' && { index: place.firstIndex + content.index }),
        ...(error.cause !== undefined && { cause: error.cause }),
      }),
  )
}

/** Errors are made where replies are read, and those frames of ours tell a user nothing. */
function withoutLocalFrames<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/** The error of a request whose engine died with it. */
export function engineDied(place: FailurePlace, cause: DeathCause | undefined): EngineError {
  const who = place.engineId === undefined ? `engine ${place.engineUuid}` : `engine ${place.engineId}`
  return new EngineError(`${who} died while running task ${place.msgId}${describeDeath(cause)}`, {
    cause,
  })
}

/** `: killed by SIGKILL`, with the last lines of its stderr below, as far as is known. */
export function describeDeath(cause: DeathCause | undefined): string {
  if (cause === undefined) return ''
  const how =
    cause.reason ??
    (typeof cause.signal === 'string'
      ? `killed by ${cause.signal}`
      : typeof cause.exit_code === 'number'
        ? `exit code ${cause.exit_code}`
        : undefined)
  const stderr = cause.stderr?.trimEnd() ?? ''
  return `${how === undefined ? '' : `: ${how}`}${stderr === '' ? '' : `\nits last output on stderr:\n${stderr}`}`
}
