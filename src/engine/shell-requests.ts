/** What requests on the shell say, as far as it can be told without running anything. */

import { RemoteProtocolError } from '../errors.ts'
import type { Envelope, Header } from '../protocol/envelope.ts'
import type { Message } from '../transport/socket.ts'

/** First byte of a Python pickle. */
const PICKLE = 0x80

export interface ExecuteContent {
  readonly code: string
  readonly silent: boolean
  readonly stopOnError: boolean
  readonly storeHistory: boolean
  readonly userExpressions: Readonly<Record<string, string>>
}

/**
 * Header of a request whose metadata can be read as well: what cannot be answered must not be begun.
 *
 * @throws RemoteProtocolError when one of them is no JSON object.
 */
export function readHead(request: Envelope): Header {
  const { header, metadata } = request
  if (typeof metadata !== 'object') throw new RemoteProtocolError('a request lacks metadata')
  return header
}

/** @throws RemoteProtocolError when there is no code in it. */
export function readExecute(request: Envelope): ExecuteContent {
  const { code, silent, stop_on_error, store_history, user_expressions } = request.content
  if (typeof code !== 'string') throw new RemoteProtocolError('execute_request lacks code')
  const isObject = typeof user_expressions === 'object' && user_expressions !== null
  return {
    code,
    silent: silent === true,
    stopOnError: stop_on_error !== false,
    storeHistory: silent !== true && store_history !== false,
    userExpressions: isObject ? (user_expressions as Record<string, string>) : {},
  }
}

/** Why the buffers of an `apply_request` are nothing for this engine; undefined when they are. */
export function wrongLanguage(buffers: Message): Error | undefined {
  const first = buffers[0]
  if (first !== undefined && first.length > 0 && first[0] !== PICKLE) return undefined
  const what = first?.[0] === PICKLE ? 'a Python call' : 'a call that it cannot read'
  const error = new Error(
    `this is a JavaScript engine, and was sent ${what}: send it execute requests with JavaScript source, or use an engine of the right language`,
  )
  error.name = 'WrongLanguageError'
  return error
}
