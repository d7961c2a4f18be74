import type { OwnRequest } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { type MaybePromise, nodeRealm, unpackValue } from '../serialize/payload.ts'
import { isPickled, unpackPythonValue } from '../serialize/pickle/python-call.ts'
import type { Message } from '../transport/socket.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Targets } from './targets.ts'

/** Options that every view has. */
export interface ViewOptions {
  /** Engine ids; `'all'` means those that there are at each call. */
  readonly targets?: Targets
  /** Take note of when the bytes leave: see `AsyncResult.sent`. */
  readonly track?: boolean
  /** Aborts what has not started and interrupts what has. */
  readonly signal?: AbortSignal
}

/** Marks requests that follow our own rules. */
export const OWN_MARK: { readonly itsparallel: OwnRequest } = { itsparallel: { v: 1 } }

const TASK_MARKS = new Map<string, { readonly itsparallel: OwnRequest }>()

/** The mark of tasks in a language: the same object each time, for most of them carry nothing else. */
export function taskMark(language: string): { readonly itsparallel: OwnRequest } {
  let mark = TASK_MARKS.get(language)
  if (mark === undefined) {
    mark = { itsparallel: { v: 1, lang: language } }
    TASK_MARKS.set(language, mark)
  }
  return mark
}

/** What an `apply_reply` holds. */
export function decodeValue(reply: Envelope): MaybePromise<unknown> {
  return readValue(reply.buffers)
}

/** The value in these buffers, of an engine of whatever language. @throws RemoteProtocolError when there is none. */
export function readValue(buffers: Message): MaybePromise<unknown> {
  return isPickled(buffers) ? unpackPythonValue(buffers) : unpackValue(buffers, nodeRealm)
}

/** For requests whose value tells nothing. */
export function decodeNothing(): undefined {
  return undefined
}

/** Content of an `execute_request`. */
export function executeContent(code: string, options: ExecuteOptions): object {
  const silent = options.silent ?? true
  return {
    code,
    silent,
    store_history: !silent,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  }
}

/** How source text is run. */
export interface ExecuteOptions {
  /** Neither keep it in the engine's history nor show the value of its last expression. Default true. */
  readonly silent?: boolean
}

/** What a view works with: the client's way to the cluster. */
export type ViewHost = Dispatcher
