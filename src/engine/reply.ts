import type { EngineInfo, ErrorContent, ReplyMetadata, ReplyStatus } from '../protocol/catalogue.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import { dateNow, type Session } from '../protocol/session.ts'
import { packError } from '../serialize/payload.ts'
import type { Frame } from '../transport/socket.ts'
import { ElementFailure } from './map-columns.ts'

/** Where a reply comes from. */
export interface Origin {
  readonly uuid: string
  readonly id: number
}

export interface ReplyFacts {
  readonly status: ReplyStatus
  readonly started: string
  readonly dependenciesMet: boolean
  readonly ranMs: number
  readonly outputs: number
}

/** Metadata of a reply. What the schedulers need to pass it on is copied from the request. */
export function replyMetadata(request: Json, origin: Origin, facts: ReplyFacts): ReplyMetadata {
  return {
    status: facts.status,
    engine: origin.uuid,
    started: facts.started,
    dependencies_met: facts.dependenciesMet,
    is_broadcast: request.is_broadcast === true,
    is_coalescing: request.is_coalescing === true,
    original_msg_id: typeof request.original_msg_id === 'string' ? request.original_msg_id : '',
    ...(request.label !== undefined && { label: request.label }),
    ...(facts.status === 'error' && { engine_info: { engine_uuid: origin.uuid, engine_id: origin.id } }),
    ...(isOwnRequest(request) && { run_ms: Math.round(facts.ranMs * 1000) / 1000, outputs: facts.outputs }),
  }
}

/** Whether the request follows our own rules, not only the original's. */
export function isOwnRequest(metadata: Json): boolean {
  const mark = metadata.itsparallel
  return typeof mark === 'object' && mark !== null && (mark as { v?: unknown }).v === 1
}

export interface ErrorReply {
  readonly content: object
  readonly ename: string
  readonly evalue: string
  readonly traceback: readonly string[]
  readonly frames: readonly Frame[]
}

/** Content and buffers of the reply to a request that failed. */
export function errorReply(thrown: unknown, origin: Origin, method: 'apply' | 'execute'): ErrorReply {
  const isElement = thrown instanceof ElementFailure
  const { ename, evalue, traceback, frames } = packError(isElement ? thrown.error : thrown)
  const engineInfo: EngineInfo = { engine_uuid: origin.uuid, engine_id: origin.id, method }
  const content = {
    status: 'error',
    ename,
    evalue,
    traceback,
    engine_info: engineInfo,
    ...(isElement && { index: thrown.index, error_frames: frames.length }),
  }
  return { content, ename, evalue, traceback, frames: isElement ? [...frames, ...thrown.pack()] : frames }
}

/** The reply to a request that came again, whose first reply was not kept; from the delimiter on. */
export function lostReply({ header, headerFrame, metadata }: Envelope, session: Session): Frame[] {
  const isCell = header.msg_type === 'execute_request'
  const origin: Origin = { uuid: session.id, id: -1 }
  return session.pack({
    type: isCell ? 'execute_reply' : 'apply_reply',
    parentHeader: headerFrame,
    metadata: replyMetadata(metadata, origin, {
      status: 'error',
      started: dateNow(),
      dependenciesMet: true,
      ranMs: 0,
      outputs: 0,
    }),
    content: {
      status: 'error',
      ename: 'EngineError',
      evalue:
        'it ran, and its reply was lost with a broken connection: it was too large, or too long ago, to be kept. Ask again if running it twice does no harm',
      traceback: [],
      engine_info: { engine_uuid: session.id, engine_id: -1 },
    } satisfies ErrorContent,
  })
}
