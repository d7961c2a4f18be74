/**
 * Every error that itsparallel raises, as one tree:
 *
 * ```
 * ParallelError                 code, message, cause
 * ├─ UsageError                 the caller's mistake
 * │  ├─ InvalidTargetError      no such engine
 * │  ├─ ConfigurationError      a profile, file, option or program that cannot be used
 * │  └─ SerializationError      a value that cannot travel, with the path to the culprit
 * ├─ ConnectionError            the controller is not reachable
 * │  ├─ AuthenticationError     it is, but refuses us
 * │  └─ DisconnectedError       it was, and is no longer
 * ├─ TimeoutError               the wait ended before the answer came; the request itself goes on
 * ├─ ProtocolError
 * │  ├─ LocalProtocolError      we broke the protocol: our bug
 * │  └─ RemoteProtocolError     the peer did: log, answer, go on
 * ├─ EngineError                the engine died
 * │  └─ NoEnginesError          there is none
 * ├─ TaskError
 * │  ├─ RemoteError             the function threw on the engine
 * │  ├─ TaskAborted
 * │  ├─ TaskTimeout
 * │  └─ UnmetDependency
 * │     └─ ImpossibleDependency
 * ├─ LauncherError
 * │  ├─ SubmitError             command, exit code, output
 * │  └─ NotRunningError
 * ├─ MPIError                  the MPI library reports an error, or another rank failed
 * └─ InvariantError             a machine contradicts itself: always a bug; carries the story
 * CompositeError                an AggregateError of RemoteErrors: same code and cause, another base class
 * ```
 *
 * `code` is stable and meant for programs; the message is meant for people and says what to do next.
 */

/** What every error can be given. */
export interface ParallelErrorOptions {
  readonly cause?: unknown
}

/** Base of every error of this package. `code` is stable across versions; the message is not. */
export abstract class ParallelError extends Error {
  abstract readonly code: string

  constructor(message: string, options: ParallelErrorOptions = {}) {
    // Only pass `cause` on when there is one: an own `cause: undefined` is printed by Node.
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
  }
}

/** The caller's mistake: a wrong argument, option or value. */
export class UsageError extends ParallelError {
  readonly code: string = 'ERR_USAGE'
}

/** A target names an engine that is not there. */
export class InvalidTargetError extends UsageError {
  override readonly code = 'ERR_INVALID_TARGET'
}

/** A profile, configuration file, command line option or program that cannot be used. */
export class ConfigurationError extends UsageError {
  override readonly code = 'ERR_CONFIGURATION'
}

/** A value or function that cannot travel. `path` leads from the root to the culprit: `simulate → config → socket`. */
export class SerializationError extends UsageError {
  override readonly code = 'ERR_SERIALIZATION'
  readonly path: readonly string[]

  constructor(message: string, options: ParallelErrorOptions & { readonly path?: readonly string[] } = {}) {
    super(message, options)
    this.path = options.path ?? []
  }
}

/** The controller is not reachable. The message says what was tried, where, and what to do. */
export class ConnectionError extends ParallelError {
  readonly code: string = 'ERR_CONNECTION'
}

/** The controller is there but refuses us: the keys do not match. */
export class AuthenticationError extends ConnectionError {
  override readonly code = 'ERR_AUTHENTICATION'
}

/** The connection that was there is gone, or was closed by the caller. */
export class DisconnectedError extends ConnectionError {
  override readonly code = 'ERR_DISCONNECTED'
}

/** The wait ended before the answer came. The request itself goes on. */
export class TimeoutError extends ParallelError {
  readonly code = 'ERR_TIMEOUT'
}

/** Somebody did not keep to the wire protocol. */
export abstract class ProtocolError extends ParallelError {}

/** We did: a bug of this package. */
export class LocalProtocolError extends ProtocolError {
  readonly code = 'ERR_LOCAL_PROTOCOL'
}

/** The peer did: it is logged and answered, and everything goes on. */
export class RemoteProtocolError extends ProtocolError {
  readonly code = 'ERR_REMOTE_PROTOCOL'
}

/** An engine that died, as far as is known how. */
export interface DeadEngine {
  readonly id: number | undefined
  readonly uuid: string
  readonly exitCode: number | undefined
  /** The signal that ended it, such as `SIGKILL`. */
  readonly signal: string | undefined
  /** In words, where there are better ones than the above: `out of memory`, `heartbeat lost`, `connection lost`. */
  readonly reason: string | undefined
  /** The last lines that it wrote. */
  readonly stderr: string
}

/** What an EngineError is made of. */
export interface EngineErrorOptions extends ParallelErrorOptions {
  readonly engines?: readonly DeadEngine[]
}

/** The engine died, and with it what it ran and the names it held. */
export class EngineError extends ParallelError {
  readonly code: string = 'ERR_ENGINE'
  /** Those that died: the one that was asked, or each that died with the task in hand. */
  readonly engines: readonly DeadEngine[]

  constructor(message: string, options: EngineErrorOptions = {}) {
    super(message, options)
    this.engines = options.engines ?? []
  }
}

/** There is no engine to run on. */
export class NoEnginesError extends EngineError {
  override readonly code = 'ERR_NO_ENGINES'
}

/** A request that reached the cluster and ended without a value. */
export abstract class TaskError extends ParallelError {}

/** What a RemoteError is made of. */
export interface RemoteErrorDetails {
  /** Class name of the original error, such as `TypeError`. */
  readonly ename: string
  /** Its message. */
  readonly evalue: string
  /** Its stack, innermost frame as the engine's language prints it, with the user's own files and lines. */
  readonly traceback: string
  /** Number of the engine, where it is known. */
  readonly engineId?: number
  readonly engineUuid?: string
  /** The request that failed. */
  readonly msgId?: string
  /** Index of the element of a `map` that failed. */
  readonly index?: number
  readonly cause?: unknown
}

/** The user's code threw on an engine. `cause` is the original error's cause, where it travelled. */
export class RemoteError extends TaskError {
  readonly code = 'ERR_REMOTE'
  readonly ename: string
  readonly evalue: string
  readonly traceback: string
  readonly engineId: number | undefined
  readonly engineUuid: string | undefined
  readonly msgId: string | undefined
  readonly index: number | undefined

  constructor(details: RemoteErrorDetails) {
    const where = details.engineId === undefined ? '' : ` [engine ${details.engineId}]`
    super(`${details.ename}: ${details.evalue}${where}`, { cause: details.cause })
    this.ename = details.ename
    this.evalue = details.evalue
    this.traceback = details.traceback
    this.engineId = details.engineId
    this.engineUuid = details.engineUuid
    this.msgId = details.msgId
    this.index = details.index
    // The remote stack is what the user wants to see first; the local one says who asked.
    if (details.traceback !== '')
      this.stack = `${this.name}: ${this.message}\n${details.traceback}\n${localStack(this)}`
  }
}

function localStack(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  return frames.length === 0 ? '' : `  asked for here:\n${frames.join('\n')}`
}

/** The request was aborted before it ran, or interrupted while it did. */
export class TaskAborted extends TaskError {
  readonly code = 'ERR_TASK_ABORTED'
}

/** The task waited for its dependencies longer than its `timeout` allows. */
export class TaskTimeout extends TaskError {
  readonly code = 'ERR_TASK_TIMEOUT'
}

/** The task's functional dependency was refused by an engine. */
export class UnmetDependency extends TaskError {
  readonly code: string = 'ERR_UNMET_DEPENDENCY'
}

/** The task's dependencies can no longer be met by any engine. */
export class ImpossibleDependency extends UnmetDependency {
  override readonly code = 'ERR_IMPOSSIBLE_DEPENDENCY'
}

/** A part of the cluster could not be started, stopped or asked. */
export class LauncherError extends ParallelError {
  readonly code: string = 'ERR_LAUNCHER'
}

/** A program did not start, or ended at once. The message carries its command, exit code and last output. */
export class SubmitError extends LauncherError {
  override readonly code = 'ERR_SUBMIT'
}

/** What should be stopped or asked is not running. */
export class NotRunningError extends LauncherError {
  override readonly code = 'ERR_NOT_RUNNING'
}

/** MPI reports an error, or a rank that others wait for has failed. */
export class MPIError extends ParallelError {
  readonly code = 'ERR_MPI'
  /** The error class of the MPI standard, as the library numbers it; undefined where it is not the library's error. */
  readonly errorClass: number | undefined

  constructor(message: string, options: ParallelErrorOptions & { readonly errorClass?: number } = {}) {
    super(message, options)
    this.errorClass = options.errorClass
  }
}

/** A state machine contradicts itself: always a bug of this package. `story` tells how it came to it. */
export class InvariantError extends ParallelError {
  readonly code = 'ERR_INVARIANT'
  readonly story: readonly string[]

  constructor(message: string, story: readonly string[] = []) {
    super(story.length === 0 ? message : `${message}\n${story.map(line => `  ${line}`).join('\n')}`)
    this.story = story
  }
}

/** Several targets failed. Its text groups equal errors; `errors` has each one. */
export class CompositeError extends AggregateError {
  readonly code = 'ERR_COMPOSITE'
  override errors: Error[]

  constructor(errors: readonly Error[], what = 'request') {
    super(errors, describeGroups(errors, what))
    this.name = 'CompositeError'
    this.errors = [...errors]
  }
}

function describeGroups(errors: readonly Error[], what: string): string {
  const groups = new Map<string, { count: number; engines: number[] }>()
  for (const error of errors) {
    const text =
      error instanceof RemoteError ? `${error.ename}: ${error.evalue}` : `${error.name}: ${error.message}`
    const group = groups.get(text) ?? { count: 0, engines: [] }
    group.count += 1
    if (error instanceof RemoteError && error.engineId !== undefined) group.engines.push(error.engineId)
    groups.set(text, group)
  }
  const lines = [...groups].map(([text, { count, engines }]) => {
    const where =
      engines.length === 0 ? '' : ` [engine${engines.length > 1 ? 's' : ''} ${engines.join(', ')}]`
    return `  ${count} × ${text}${where}`
  })
  return `${errors.length} of the ${what}'s parts failed:\n${lines.join('\n')}`
}
