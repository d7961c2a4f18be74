/**
 * The definition of a function: its source, place and the names it captures, without their values. It is made once for
 * each text, sent as the same bytes every time, and compiled once on an engine.
 */

import { hash } from 'node:crypto'

/** Bytes of a definition that tell it from others: a cache key, not a safeguard. */
export const DIGEST_BYTES = 8

export interface DefinitionFields {
  readonly source: string
  readonly form: 'expression' | 'method'
  readonly accessor?: 'get' | 'set'
  readonly isClass: boolean
  readonly strict: boolean
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
  /** Names of captured variables; the first `eager` ones are needed to define it. */
  readonly names: readonly string[]
  readonly eager: number
  /** Address against which `import(…)` inside it is resolved, when there is one. */
  readonly base?: string
}

export interface Definition extends DefinitionFields {
  readonly bytes: Buffer
}

export function newDefinition(fields: DefinitionFields): Definition {
  const json = Buffer.from(JSON.stringify(fields))
  const digest = hash('sha1', json, 'buffer').subarray(0, DIGEST_BYTES)
  return { ...fields, bytes: Buffer.concat([digest, json]) }
}

/** Reads what `newDefinition` wrote. @returns undefined when it is something else. */
export function parseDefinition(bytes: Buffer): DefinitionFields | undefined {
  let fields: Partial<DefinitionFields> | null
  try {
    fields = JSON.parse(bytes.toString('utf8', DIGEST_BYTES)) as Partial<DefinitionFields> | null
  } catch {
    return undefined
  }
  if (typeof fields !== 'object' || fields === null) return undefined
  const { source, form, accessor, isClass, strict, name, file, line, column, names, eager, base } = fields
  const fits =
    [source, name, file].every(text => typeof text === 'string') &&
    (form === 'expression' || form === 'method') &&
    (accessor === undefined || accessor === 'get' || accessor === 'set') &&
    typeof isClass === 'boolean' &&
    typeof strict === 'boolean' &&
    [line, column, eager].every(each => Number.isInteger(each) && each! >= 0 && each! < 2 ** 30) &&
    Array.isArray(names) &&
    names.every(each => typeof each === 'string' && IDENTIFIER.test(each)) &&
    (base === undefined || typeof base === 'string')
  return fits ? (fields as DefinitionFields) : undefined
}

/** Names are pasted into source text: nothing but an identifier may be one. */
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u
