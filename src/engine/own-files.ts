/** Which files are the engine's own. Apart from `user-stack.ts`, because the io thread needs no more than this. */

import { fileURLToPath } from 'node:url'

/** The folder of the package's code, in both ways in which stack traces may show it. */
const OWN_ROOTS = [new URL('..', import.meta.url).href, fileURLToPath(new URL('..', import.meta.url))]
/** Folders of what an engine is made of. */
export const OWN_ROOMS = ['engine/', 'transport/', 'protocol/', 'serialize/', 'base/'].flatMap(room =>
  OWN_ROOTS.map(root => root + room),
)

/** Whether a file belongs to the engine. The client's files do not: user code may run one. */
export function isOwnFile(file: string): boolean {
  return OWN_ROOMS.some(room => file.startsWith(room))
}
