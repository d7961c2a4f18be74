import type { Encoder } from './encoder.ts'
import { intrinsicPath } from './intrinsics.ts'
import { builtinImport, type ImportName } from './module-index.ts'
import { Tag } from './tags.ts'
import { bundleOf } from './user-modules.ts'

/** Modules that this process has named in its payloads: a reply may make it import these, and no others. */
export const namedModules = new Set<string>()

/** Writes objects that the other side has as well: the language's own, and those of node's modules. */
export function encodeAsImport(encoder: Encoder, object: object): boolean {
  const path = intrinsicPath(object)
  if (path !== undefined) {
    encoder.out.byte(Tag.intrinsic)
    encoder.text(path)
    return true
  }
  const module = builtinImport(object)
  if (module === undefined) return false
  encodeImport(encoder, module)
  return true
}

/** Writes `import { name } from specifier` as a value. */
export function encodeImport(encoder: Encoder, { specifier, name }: ImportName): void {
  const bundle = encoder.isCall ? bundleOf(specifier) : undefined
  encoder.out.byte(Tag.import)
  encoder.text(bundle?.address ?? specifier)
  encoder.text(name)
  namedModules.add(specifier)
  if (bundle !== undefined) encoder.modules.import(bundle.address, bundle)
  // What is built in is there at once, except for its namespace object.
  else if (!specifier.startsWith('node:') || name === '*') encoder.modules.import(specifier)
}
