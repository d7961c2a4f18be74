import { createRequire, SourceMap, type SourceMapPayload } from 'node:module'

export interface StrippedCell {
  readonly code: string
  /** From lines of `code` back to the user's. */
  readonly map: SourceMap
}

let transform: typeof import('oxc-transform').transformSync | undefined

/**
 * Takes the types out of TypeScript source.
 *
 * @returns undefined when it is no TypeScript either.
 */
export function stripTypes(source: string, filename: string): StrippedCell | undefined {
  // A native library of a few megabytes, which engines that only see JavaScript never load.
  transform ??= (createRequire(import.meta.url)('oxc-transform') as typeof import('oxc-transform'))
    .transformSync
  const result = transform('cell.ts', source, {
    sourcemap: true,
    sourceType: 'module',
    typescript: { onlyRemoveTypeImports: true },
  })
  if (result.errors.length > 0 || result.map === undefined || result.map === null) return undefined
  return {
    code: result.code,
    map: new SourceMap({ ...result.map, file: filename } as unknown as SourceMapPayload),
  }
}
