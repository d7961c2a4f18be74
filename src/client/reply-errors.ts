import { stripVTControlCharacters } from 'node:util'
import type { EngineUuid } from '../base/ids.ts'
import {
  type DeadEngine,
  EngineError,
  ImpossibleDependency,
  NoEnginesError,
  RemoteError,
  TaskAborted,
  TaskTimeout,
  UnmetDependency,
} from '../errors.ts'
import type { Death, DeathCause, EngineInfo } from '../protocol/catalogue.ts'
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
  return withoutLocalFrames(() => readError(content, buffers, place))
}

function readError(content: Content, buffers: Message, place: FailurePlace): Error {
  if (content.status === 'aborted') return new TaskAborted(`task ${place.msgId} was aborted before it ran`)
  const reason = typeof content.evalue === 'string' ? content.evalue : ''
  const where = place.engineId === undefined ? '' : ` [engine ${place.engineId}]`
  switch (content.ename) {
    case 'EngineError':
      return new EngineError(reason || `an engine died while running task ${place.msgId}`, {
        engines: readDeaths(content.deaths),
      })
    case 'NoEnginesError':
      return new NoEnginesError(reason || 'there is no engine to run on')
    case 'TaskAborted':
      return new TaskAborted(reason || `task ${place.msgId} was aborted`)
    case 'TaskTimeout':
      return new TaskTimeout(
        reason || `task ${place.msgId} waited longer for its dependencies than its timeout allows`,
      )
    case 'UnmetDependency':
      return new UnmetDependency(`${reason || `what task ${place.msgId} depends on is not met`}${where}`)
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
  // Python's engines colour theirs.
  const lines = Array.isArray(content.traceback) ? content.traceback.map(String) : []
  const traceback = lines.map(stripVTControlCharacters)
  const error = unpackError(
    { ename: String(content.ename ?? 'Error'), evalue: String(content.evalue ?? ''), traceback },
    buffers,
  )
  const info = (content.engine_info ?? {}) as EngineInfo
  const engineId = place.engineId ?? (info.engine_id === -1 ? undefined : info.engine_id)
  return new RemoteError({
    ename: error.ename,
    evalue: error.evalue,
    traceback: error.traceback,
    msgId: place.msgId,
    ...(engineId !== undefined && { engineId }),
    ...(place.engineUuid !== undefined && { engineUuid: place.engineUuid }),
    ...(typeof content.index === 'number' && { index: place.firstIndex + content.index }),
    ...(error.cause !== undefined && { cause: error.cause }),
  })
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
  const engines = [readDeath(place.engineId, place.engineUuid ?? '', cause)]
  return new EngineError(
    `${who} died while running task ${place.msgId}, and the names it held died with it${describeDeath(cause)}`,
    { engines },
  )
}

function readDeaths(deaths: unknown): DeadEngine[] {
  if (!Array.isArray(deaths)) return []
  return (deaths as Partial<Death>[]).map(({ engine_id, engine_uuid, cause }) =>
    readDeath(engine_id, String(engine_uuid), cause ?? undefined),
  )
}

function readDeath(id: unknown, uuid: string, cause: DeathCause = {}): DeadEngine {
  return {
    id: typeof id === 'number' ? id : undefined,
    uuid,
    exitCode: cause.exit_code ?? undefined,
    signal: cause.signal ?? undefined,
    reason: cause.reason,
    stderr: cause.stderr ?? '',
  }
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
