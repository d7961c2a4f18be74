import type { OwnRequest } from './catalogue.ts'

/** Metadata of a request that brings what an engine asked for. Engines know it by its bytes. */
export const PARTS_MARK: { readonly itsparallel: OwnRequest } = { itsparallel: { v: 1, parts: true } }
