import { withoutVersions } from './user-modules.ts'

/** Where this package's own files are: their frames tell a user nothing. */
const OWN = new URL('..', import.meta.url).href
const OWN_PATH = new URL('..', import.meta.url).pathname

const INTERNAL = /\((node:|internal\/)|at (?:async )?node:|\(<anonymous>\)$/
const FRAME = /^\s+at /

/** A stack as lines, without the frames of this package and of node's own code. */
export function cleanStack(stack: string): string[] {
  return withoutVersions(stack)
    .split('\n')
    .filter(
      line => !FRAME.test(line) || !(line.includes(OWN) || line.includes(OWN_PATH) || INTERNAL.test(line)),
    )
}
