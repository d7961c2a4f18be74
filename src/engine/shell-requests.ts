/** What requests on the shell say, as far as it can be told without running anything. */

import { RemoteProtocolError } from '../errors.ts'
import type { OwnRequest, PartsContent } from '../protocol/catalogue.ts'
import type { Envelope, Header } from '../protocol/envelope.ts'
import { PARTS_MARK } from '../protocol/parts-mark.ts'
import { isGenuine, type SentOnce } from '../serialize/payload.ts'

export interface ExecuteContent {
  readonly code: string
  /** The file that it stands in; undefined for a cell. */
  readonly file: string | undefined
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

/** As it is written on the wire. */
const PARTS_METADATA = Buffer.from(JSON.stringify(PARTS_MARK))

/** Whether a request brings parts of others: told by its bytes, because every request is asked. */
export function bringsParts(request: Envelope): boolean {
  const { metadataFrame } = request
  return metadataFrame.length === PARTS_METADATA.length && metadataFrame.equals(PARTS_METADATA)
}

/** @throws RemoteProtocolError when it does not say which parts it brings, or brings other ones. */
export function readParts({ content, buffers }: Envelope): { parts: SentOnce[]; missing: string[] } {
  const { digests, missing } = content as Partial<PartsContent>
  if (!isTexts(digests) || !isTexts(missing) || digests.length !== buffers.length)
    throw new RemoteProtocolError('a request brings parts and does not say which')
  const parts = digests.map((digest, i) => ({ digest, bytes: buffers[i]! }))
  if (!parts.every(isGenuine)) throw new RemoteProtocolError('a part is not what its digest says')
  return { parts, missing }
}

function isTexts(list: unknown): list is string[] {
  return Array.isArray(list) && list.every(each => typeof each === 'string')
}

/** @throws RemoteProtocolError when there is no code in it. */
export function readExecute(request: Envelope): ExecuteContent {
  const { code, silent, stop_on_error, store_history, user_expressions } = request.content
  if (typeof code !== 'string') throw new RemoteProtocolError('execute_request lacks code')
  const isObject = typeof user_expressions === 'object' && user_expressions !== null
  return {
    code,
    file: fileOf(request.metadata.itsparallel),
    silent: silent === true,
    stopOnError: stop_on_error !== false,
    storeHistory: silent !== true && store_history !== false,
    userExpressions: isObject ? (user_expressions as Record<string, string>) : {},
  }
}

/** The name of its socket, in every version of the original. */
const BALANCED_SCHEDULER = Buffer.from('task_out')

/** Whether a request came from the scheduler that may take it back. */
export function fromBalancedScheduler(request: Envelope): boolean {
  return request.delimiterAt > 0 && request.frames[0]!.equals(BALANCED_SCHEDULER)
}

function fileOf(mark: unknown): string | undefined {
  const file = (mark as Partial<OwnRequest> | null | undefined)?.file
  return typeof file === 'string' ? file : undefined
}

/** The error for something of another language than this engine's. */
export function wrongLanguage(what: string): Error {
  const error = new Error(
    `this is a JavaScript engine, and was sent ${what}: send it execute requests with JavaScript source, or use an engine of the right language`,
  )
  error.name = 'WrongLanguageError'
  return error
}
