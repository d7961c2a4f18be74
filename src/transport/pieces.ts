/**
 * Large frames in pieces, for relays.
 *
 * Who only passes a message on never looks into its large frames. Joining 64 MiB that arrived in a thousand reads would
 * cost a relay more than receiving them: fresh memory, a page fault every 4 KiB, and a copy. A socket opened with
 * `largeFramesInPieces` leaves such a frame as it came: the frame is its first piece, and the others hang on it.
 */
import type { Frame } from './socket.ts'

/** Where the further pieces of a frame hang. */
export const morePieces = Symbol('more pieces of this frame')

/** Frames from this size on are left in pieces, where that is asked for. */
export const PIECES_BYTES_MIN = 256 * 1024

/** One frame of all these pieces, none of them copied. */
export function frameOf(pieces: readonly Buffer[]): Frame {
  const [first = Buffer.alloc(0), ...more] = pieces
  return more.length === 0 ? first : Object.assign(first, { [morePieces]: more })
}

/** Length of a frame, whether in pieces or not. */
export function frameBytes(frame: Frame): number {
  const more = frame[morePieces]
  let bytes = frame.length
  if (more !== undefined) for (const piece of more) bytes += piece.length
  return bytes
}

/** The frame in one piece: itself, or a copy that joins its pieces. */
export function joinedFrame(frame: Frame): Frame {
  const more = frame[morePieces]
  return more === undefined ? frame : Buffer.concat([frame, ...more])
}
