import type { Logger, RateLimitedWarnings } from '../base/log.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import type { Session } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'

/** What every shell of the controller needs to take messages in. */
export interface Intake {
  readonly session: Session
  readonly log: Logger
  readonly warnings: RateLimitedWarnings
}

/**
 * Takes one message of a stranger: verifies it and hands it to `take`. Whatever is wrong with it ends here, in a
 * warning; nothing that arrives can throw out of a socket's read loop.
 *
 * @param prefixFrames - routing frames that must stand before the delimiter, at least.
 */
export function takeMessage(
  intake: Intake,
  channel: string,
  frames: Frame[],
  prefixFrames: number,
  take: (envelope: Envelope) => void,
): void {
  const envelope = intake.session.open(frames)
  if (typeof envelope === 'string') {
    intake.warnings.warn(`dropped a message on ${channel}: ${envelope}`)
    return
  }
  if (envelope.delimiterAt < prefixFrames) {
    intake.warnings.warn(`dropped a message on ${channel}: it lacks its address`)
    return
  }
  try {
    take(envelope)
  } catch (error) {
    if (error instanceof RemoteProtocolError) {
      intake.warnings.warn(`dropped a message on ${channel}: ${error.message}`)
      return
    }
    intake.log.error(`a message on ${channel} could not be handled`, { error })
  }
}

/**
 * Parses metadata, and gives the same object again for the same bytes: the tasks of one view differ in their names only,
 * and parsing the same text a hundred thousand times costs more than comparing it.
 */
export class MetadataReader {
  #frame: Frame | undefined
  #metadata: Json = {}

  read(envelope: Envelope): Json {
    const frame = envelope.metadataFrame
    if (this.#frame?.equals(frame) === true) return this.#metadata
    const metadata = envelope.metadata
    // A copy: the frame itself would keep a whole chunk of the socket's alive.
    this.#frame = Buffer.from(frame)
    this.#metadata = metadata
    return metadata
  }
}

const ID_STARTS = [Buffer.from('{"msg_id":"'), Buffer.from('{"msg_id": "')]
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * The `msg_id` of a parent header. Stock peers and ours write it first, so most of the time it is found without parsing
 * the rest, which nobody here needs.
 *
 * @throws RemoteProtocolError when the frame is no JSON object.
 */
export function parentIdOf(envelope: Envelope): string | undefined {
  const frame = envelope.parentHeaderFrame
  for (const start of ID_STARTS) {
    if (frame.compare(start, 0, start.length, 0, Math.min(start.length, frame.length)) !== 0) continue
    const end = frame.indexOf(QUOTE, start.length)
    if (end === -1) break
    const id = frame.toString('latin1', start.length, end)
    if (isPlain(id)) return id
    break
  }
  const id = envelope.parentHeader.msg_id
  return typeof id === 'string' ? id : undefined
}

/** Printable ASCII without an escape: the same as text and as bytes. */
function isPlain(id: string): boolean {
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === BACKSLASH) return false
  }
  return true
}
