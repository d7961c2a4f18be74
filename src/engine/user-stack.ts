/** Stacks as users want to see them: their own frames, at their own lines. */

import { withoutVersions } from '../serialize/payload.ts'
import { OWN_ROOMS } from './own-files.ts'

const FRAME = /^\s+at /
/** Frames that only matter above one of the user's: node's own, and those of built-in functions. */
const INTERNAL_FRAME = /^\s+at (?:async )?(?:.*\()?(?:node:|<anonymous>\)$)/
/** Scripts that the engine makes for itself. */
const OWN_SCRIPT = /<(?:name|import)>:\d/

/**
 * Takes the engine's frames out of a stack, and node's own where nothing of the user's is below them.
 *
 * @param stack - `error.stack`; the message in front of its frames stays as it is.
 */
export function cleanStack(stack: string, mapPosition: (line: string) => string = line => line): string {
  const lines = withoutVersions(stack).split('\n')
  const kept: string[] = []
  let internal: string[] = []
  for (const line of lines) {
    if (!FRAME.test(line)) kept.push(line)
    else if (isOwnFrame(line)) internal = []
    else if (INTERNAL_FRAME.test(line)) internal.push(line)
    else {
      kept.push(...internal, mapPosition(line))
      internal = []
    }
  }
  return kept.join('\n')
}

/** Whether an error was thrown by the engine's own code, with none of the user's on the stack. */
export function isOwnStack(stack: string): boolean {
  const frames = stack.split('\n').filter(line => FRAME.test(line) && !INTERNAL_FRAME.test(line))
  return frames.length > 0 && frames.every(isOwnFrame)
}

function isOwnFrame(line: string): boolean {
  return (
    OWN_SCRIPT.test(line) || OWN_ROOMS.some(room => line.includes(`(${room}`) || line.includes(` ${room}`))
  )
}
