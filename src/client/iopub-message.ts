import type { EngineUuid } from '../base/ids.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { type Output, readOutput } from './outputs.ts'

/** What an engine published about a request of ours: that it is busy or idle, or an output. */
export type IopubMessage =
  | { readonly type: 'status'; readonly msgId: string; readonly idle: boolean }
  /** An engine lacks parts of a call that it was sent. */
  | {
      readonly type: 'parts_wanted'
      readonly msgId: string
      readonly digests: readonly unknown[]
      readonly engine: EngineUuid
    }
  | {
      readonly type: 'output'
      readonly msgId: string
      readonly output: Output
      readonly engineUuid: EngineUuid
    }

/**
 * Everybody's output comes to everybody.
 *
 * @param sessionId - ours.
 * @returns undefined for what is not about a request of ours.
 */
export function readIopub(envelope: Envelope, sessionId: string): IopubMessage | undefined {
  const { parentHeader } = envelope
  const msgId = parentHeader.msg_id
  if (parentHeader.session !== sessionId || typeof msgId !== 'string') return undefined
  const { header, content } = envelope
  if (header.msg_type === 'status') return { type: 'status', msgId, idle: content.execution_state === 'idle' }
  if (header.msg_type === 'parts_request') {
    const digests = Array.isArray(content.digests) ? (content.digests as unknown[]) : []
    return { type: 'parts_wanted', msgId, digests, engine: header.session as EngineUuid }
  }
  const output = readOutput(header.msg_type, content)
  return { type: 'output', msgId, output, engineUuid: header.session as EngineUuid }
}
