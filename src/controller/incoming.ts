import type { Logger, RateLimitedWarnings } from '../base/log.ts'
import { RemoteProtocolError } from '../errors.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import type { Session } from '../protocol/session.ts'
import type { Frame } from '../transport/socket.ts'

/**
 * Runs what a timer or a connection set off. Like messages, these must not throw: there is nobody to catch it.
 */
export function guarded(log: Logger, what: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    log.error(`${what} could not be handled`, { error })
  }
}

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
 * Looks at the head of a message that is still coming in, and hands it to `look` if it is genuine and new. Nothing is
 * decided yet and nothing remembered: whatever is wrong with it is told when it is whole.
 */
export function peekMessage(
  intake: Intake,
  head: Frame[],
  prefixFrames: number,
  look: (envelope: Envelope) => void,
): void {
  const envelope = intake.session.open(head, true)
  if (typeof envelope === 'string' || envelope.delimiterAt < prefixFrames) return
  try {
    look(envelope)
  } catch (error) {
    if (!(error instanceof RemoteProtocolError))
      intake.log.error('the head of a message could not be handled', { error })
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

/**
 * A header as every known peer writes it: a flat object of plain texts, msg_id and msg_type first, read as latin1. Python
 * puts a space behind colons and commas. The classes leave out quote, backslash and what is below a space.
 */
const PLAIN_HEADER =
  /^\{"msg_id": ?"([ !#-[\]-~]+)", ?"msg_type": ?"[ !#-[\]-~]*"(?:, ?"[a-z_]+": ?"[ !#-[\]-\u{ff}]*")*\}$/u

/**
 * The `msg_id` of a header. A header of the usual form is recognised without parsing it, which would leave six strings
 * behind for each message that waits.
 *
 * @throws RemoteProtocolError when the header is broken.
 */
export function messageIdOf(envelope: Envelope): string {
  const match = PLAIN_HEADER.exec(envelope.headerFrame.toString('latin1'))
  return match === null ? envelope.header.msg_id : match[1]!
}

/**
 * The `msg_id` of the request that a message answers.
 *
 * @throws RemoteProtocolError when the parent header is no JSON object.
 */
export function parentIdOf(envelope: Envelope): string | undefined {
  const match = PLAIN_HEADER.exec(envelope.parentHeaderFrame.toString('latin1'))
  const id = match === null ? envelope.parentHeader.msg_id : match[1]
  return typeof id === 'string' ? id : undefined
}

/**
 * Reads a part only to see that it can be read: an engine would drop a broken request in silence and never be free.
 *
 * @throws RemoteProtocolError
 */
export function checkReadable(envelope: Envelope): void {
  if (envelope.parentHeaderFrame.length > 2) void envelope.parentHeader
  if (envelope.contentFrame.length > 2) void envelope.content
}
