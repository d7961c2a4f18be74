import { createRequire } from 'node:module'

let acorn: typeof import('acorn') | undefined

/** The parser, loaded when the first function is packed: an engine that only runs what it is sent never needs it. */
export function parser(): typeof import('acorn') {
  acorn ??= createRequire(import.meta.url)('acorn') as typeof import('acorn')
  return acorn
}
