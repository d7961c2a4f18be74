/**
 * Every message that crosses the network, by its type on the wire, with what its content and metadata hold.
 * The names are the protocol's own and therefore in snake_case. Fields marked optional may be missing in what peers
 * send; unknown fields are ignored everywhere. Source: wire-protocol reference, sections 4 to 8.
 */

/** Content of a failed reply, of `hub_error`, and (less `status`) of iopub `error`. */
export interface ErrorContent {
  /** Ours: of an EngineError, whose deaths are behind it. */
  readonly deaths?: readonly Death[]
  readonly status: 'error'
  readonly ename: string
  readonly evalue: string
  readonly traceback: readonly string[]
  readonly engine_info?: EngineInfo
  /** Ours, in replies to a piece of a map: which of its elements failed first. */
  readonly index?: number
  /** Ours, with `index`: how many of the buffers are the error's; the others hold `{ values, failures }` of the piece. */
  readonly error_frames?: number
}

export interface EngineInfo {
  readonly engine_uuid?: string
  readonly engine_id?: number
  readonly method?: 'apply' | 'execute'
}

export interface OkContent {
  readonly status: 'ok'
}

export interface AbortedContent {
  readonly status: 'aborted'
}

export type ReplyStatus = 'ok' | 'error' | 'aborted'

/** Dependencies as they travel: ids, or ids with their conditions. */
export type WireDependency =
  | string
  | readonly string[]
  | {
      readonly dependencies: readonly string[]
      readonly all?: boolean
      readonly success?: boolean
      readonly failure?: boolean
    }

/** Metadata of a request to the balanced scheduler. Missing keys mean: none. */
export interface TaskMetadata {
  readonly after?: WireDependency
  readonly follow?: WireDependency
  /** Seconds that the task may wait for its dependencies; 0 or null: for ever. */
  readonly timeout?: number | null
  /** Uuids of the engines it may run on; empty: any. */
  readonly targets?: readonly string[]
  readonly retries?: number
  readonly label?: unknown
  /**
   * Ours: present when the request follows our own rules. An engine's death then re-runs the task (at most 3 deaths)
   * and does not count against `retries`.
   */
  readonly itsparallel?: OwnRequest
}

/** What our own client says to our own scheduler and engines. */
export interface OwnRequest {
  /** Version of these rules. */
  readonly v: 1
  /** What the code of a task is written in: only engines that run it get the task. */
  readonly lang?: string
  /** Brings parts that the engine asked for: it is taken in at once, whatever else waits. */
  readonly parts?: true
  /** The file that the code of an `execute_request` stands in, for stack traces. */
  readonly file?: string
}

/** Ours: content of a request that brings what `parts_request` asked for, in the order of its buffers. */
export interface PartsContent {
  readonly digests: readonly string[]
  /** Asked for, and not to be had any more. */
  readonly missing: readonly string[]
}

/** Metadata of a request to the broadcast scheduler. */
export interface BroadcastMetadata {
  readonly targets: readonly (readonly [uuid: string, id: number])[]
  readonly is_broadcast: true
  readonly is_coalescing: boolean
  readonly original_msg_id?: string
  readonly label?: unknown
  readonly itsparallel?: OwnRequest
}

/** Metadata of an engine's `apply_reply` and `execute_reply`. */
export interface ReplyMetadata {
  readonly status: ReplyStatus
  readonly engine: string
  readonly started: string
  readonly dependencies_met: boolean
  readonly is_broadcast: boolean
  readonly is_coalescing: boolean
  readonly original_msg_id: string
  readonly engine_info?: EngineInfo
  readonly label?: unknown
  /** Ours: milliseconds the function ran, for the scheduler's prefetch. */
  readonly run_ms?: number
  /** Ours: how many iopub messages belong to the request; the client waits for them before it settles. */
  readonly outputs?: number
}

export interface ConnectionInfo {
  readonly interface: string
  readonly registration: number
  readonly control: number
  readonly mux: number
  readonly task: number
  readonly iopub: number
  readonly hb_ping: number
  readonly hb_pong: number
  readonly broadcast: readonly number[]
}

/** Ours: how an engine ended, as its launcher saw it. */
export interface DeathCause {
  readonly exit_code?: number | null
  readonly signal?: string | null
  readonly reason?: string
  /** The last lines it wrote to stderr. */
  readonly stderr?: string
  /** A client shut it down: to be started again, or for good. */
  readonly shutdown?: 'restart' | 'stop'
}

/** Ours: an engine that died, as an EngineError's content lists it under `deaths`. */
export interface Death {
  readonly engine_uuid: string
  readonly engine_id: number
  readonly cause: DeathCause | null
}

/** Ours: what an engine tells about itself when it registers. Python's engines tell nothing. */
export interface AboutEngine {
  /** The language of the code that it runs. */
  readonly language?: string
  /** Of its parts, by their names: `node`, `itsparallel`. */
  readonly versions?: Readonly<Record<string, string>>
}

/** Requests to the hub, on the registration socket. */
export interface HubRequests {
  /** What an engine tells about itself is ours. */
  registration_request: { readonly uuid: string; readonly id?: number } & AboutEngine
  /** `uuid` and `cause` are ours; Python's nanny sends `id` alone. */
  unregistration_request: { readonly id?: number; readonly uuid?: string; readonly cause?: DeathCause }
  connection_request: Record<string, never>
  queue_request: { readonly targets: HubTargets; readonly verbose?: boolean }
  /** `wait` is ours: while all of them are under way, the answer may wait until one has ended. */
  result_request: {
    readonly msg_ids: readonly string[]
    readonly status_only?: boolean
    readonly wait?: boolean
  }
  history_request: Record<string, never>
  db_request: { readonly query: Readonly<Record<string, unknown>>; readonly keys?: readonly string[] | null }
  purge_request: { readonly msg_ids?: readonly string[] | 'all'; readonly engine_ids?: readonly number[] }
  resubmit_request: { readonly msg_ids: readonly string[] }
  load_request: { readonly targets: HubTargets }
  shutdown_request: Record<string, never>
  /** Ours: tasks of the balanced scheduler shall end that no engine has yet. */
  abort_request: { readonly msg_ids: readonly string[] }
  become_dask_request: { readonly scheduler_args?: Readonly<Record<string, unknown>> }
  stop_distributed_request: Record<string, never>
}

export type HubTargets = null | number | string | readonly (number | string)[]

export interface QueueCounts {
  readonly queue: number | readonly string[]
  readonly completed: number | readonly string[]
  readonly tasks: number | readonly string[]
}

/** Replies of the hub when all went well; otherwise ErrorContent, under this name or as `hub_error`. */
export interface HubReplies {
  registration_reply: OkContent & {
    readonly id: number
    readonly hb_period: number
    readonly connection_info?: ConnectionInfo
  }
  connection_reply: OkContent & {
    readonly engines: Readonly<Record<string, string>>
    /** Ours: by number, what engines told about themselves; those that told nothing are not in it. */
    readonly about?: Readonly<Record<string, AboutEngine>>
  }
  queue_reply: OkContent & { readonly unassigned: number | readonly string[] } & Readonly<
      Record<string, unknown>
    >
  /**
   * `lost`, `trailing` and `buffer_lens` are ours: those that a controller's end cut short, those among the pending that
   * were answered and whose output is still under way, and whose buffers are whose.
   */
  result_reply: OkContent & {
    readonly pending: readonly string[]
    readonly completed: readonly string[]
    readonly lost?: readonly string[]
    readonly trailing?: readonly string[]
    readonly buffer_lens?: readonly number[]
  } & Readonly<Record<string, unknown>>
  history_reply: OkContent & { readonly history: readonly string[] }
  db_reply: OkContent & {
    readonly records: readonly Readonly<Record<string, unknown>>[]
    readonly buffer_lens: readonly number[] | null
    readonly result_buffer_lens: readonly number[] | null
  }
  purge_reply: OkContent
  resubmit_reply: OkContent & { readonly resubmitted: Readonly<Record<string, string>> }
  load_reply: OkContent & Readonly<Record<string, unknown>>
  shutdown_reply: OkContent & { readonly restart?: boolean }
  abort_reply: OkContent
  become_dask_reply: OkContent
  stop_distributed_reply: OkContent
  hub_error: never
}

/** Published to every client, without a topic frame. */
export interface Notifications {
  registration_notification: { readonly id: number; readonly uuid: string } & AboutEngine
  /** `cause` is ours: how the engine ended, where that is known. */
  unregistration_notification: { readonly id: number; readonly uuid: string; readonly cause?: DeathCause }
  shutdown_notification: OkContent
}

/** Requests to engines, through the direct, balanced or broadcast scheduler. */
export interface ShellRequests {
  apply_request: Record<string, never>
  execute_request: {
    readonly code: string
    readonly silent?: boolean
    readonly store_history?: boolean
    readonly user_expressions?: Readonly<Record<string, string>>
    readonly allow_stdin?: boolean
    readonly stop_on_error?: boolean
  }
}

/** Requests to engines, through the control relay. */
export interface ControlRequests {
  /** `interrupt` is ours: also interrupt the request that is running now, when it is one of these. */
  abort_request: { readonly msg_ids: readonly string[]; readonly interrupt?: boolean }
  /** Ours, from the balanced scheduler: tasks by their signatures that shall run elsewhere, if they have not begun. */
  recall_request: { readonly signatures: readonly string[] }
  clear_request: Record<string, never>
  shutdown_request: { readonly restart: boolean }
  signal_request: { readonly sig: number | string }
  interrupt_request: Record<string, never>
  kernel_info_request: Record<string, never>
}

/** Replies of engines. The reply to `signal_request` is literally called `_request`, in every version of the original. */
export interface EngineReplies {
  apply_reply: OkContent | ErrorContent | AbortedContent
  execute_reply:
    | (OkContent & {
        readonly execution_count: number
        readonly user_expressions: object
        readonly payload: readonly unknown[]
      })
    | (ErrorContent & { readonly execution_count: number })
    | AbortedContent
  abort_reply: OkContent
  /** Those of the tasks that this engine will not run. */
  recall_reply: OkContent & { readonly given_back: readonly string[] }
  clear_reply: OkContent | ErrorContent
  shutdown_reply: OkContent & { readonly restart: boolean }
  interrupt_reply: OkContent
  kernel_info_reply: Readonly<Record<string, unknown>>
  complete_reply: OkContent & {
    readonly matches: readonly string[]
    /** Positions in code points. */
    readonly cursor_start: number
    readonly cursor_end: number
    readonly metadata: object
  }
  inspect_reply: OkContent & {
    readonly found: boolean
    readonly data: MimeBundle
    readonly metadata: object
  }
  is_complete_reply: { readonly status: 'complete' | 'incomplete' | 'invalid'; readonly indent?: string }
  history_reply: OkContent & {
    readonly history: readonly (readonly [session: number, line: number, input: string])[]
  }
  comm_info_reply: OkContent & { readonly comms: object }
  _request: OkContent | ErrorContent
}

/** Output of engines, with the topic `engine.N.…` in front. */
export interface OutputMessages {
  status: { readonly execution_state: 'starting' | 'busy' | 'idle' }
  stream: { readonly name: 'stdout' | 'stderr'; readonly text: string }
  execute_input: { readonly code: string; readonly execution_count: number }
  execute_result: { readonly data: MimeBundle; readonly metadata: object; readonly execution_count: number }
  display_data: { readonly data: MimeBundle; readonly metadata: object; readonly transient?: object }
  error: Omit<ErrorContent, 'status'>
  /** Ours: the engine lacks parts of a call (serialize/withheld.ts), and asks the program that sent it. */
  parts_request: { readonly digests: readonly string[] }
}

/** A value in several forms, by MIME type. */
export type MimeBundle = Readonly<Record<string, unknown>>

export type MessageType = keyof (HubRequests &
  HubReplies &
  Notifications &
  ShellRequests &
  ControlRequests &
  EngineReplies &
  OutputMessages)
