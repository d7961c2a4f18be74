/** Functions from their definitions: compiled once, made anew for each set of captured values. */

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { RemoteProtocolError } from '../errors.ts'
import { malformed } from './byte-reader.ts'
import type { AnyFunction } from './callee.ts'
import { type Decoder, define } from './decoder.ts'
import { type DefinitionFields, DIGEST_BYTES, parseDefinition } from './definition.ts'
import { adoptDefinition } from './function-plan.ts'
import { checkInert } from './inert.ts'
import { LruMap } from './lru-map.ts'
import { originalOf } from './originals.ts'
import type { Realm } from './realm.ts'
import { IMPORT_NAME, STRICT_HEAD } from './rewrite.ts'
import { resolveSpecifier } from './script-imports.ts'
import { DefinitionForm } from './tags.ts'

const SLOPPY_HEAD = `(function (${IMPORT_NAME}) {`
/** Functions of bundled text begin far to the right; they are not indented to stay in their column. */
const INDENT_MAX = 500
const COMPILED_MAX = 2000

/** Sets the captured variables, and makes the function that uses them. */
type Made = readonly [set: (values: readonly unknown[]) => void, make: () => unknown]

interface Compiled {
  readonly bytes: Buffer
  readonly fields: DefinitionFields
  readonly factory: (importModule: (specifier: unknown) => Promise<unknown>) => Made
  /** The function itself, when it captures nothing and so is always the same. */
  ready: AnyFunction | undefined
}

const compiledByRealm = new WeakMap<Realm, LruMap<string, Compiled>>()

function compile(bytes: Buffer, realm: Realm): Compiled {
  let cache = compiledByRealm.get(realm)
  if (cache === undefined) {
    cache = new LruMap(COMPILED_MAX)
    compiledByRealm.set(realm, cache)
  }
  const digest = bytes.toString('latin1', 0, DIGEST_BYTES)
  const known = cache.get(digest)
  // The digest is the peer's word; the bytes decide.
  if (known?.bytes.equals(bytes)) return known
  const fields = parseDefinition(bytes)
  if (fields === undefined) throw malformed('a function is not described as it must be')
  if (realm.guarded === true) checkInert(fields)
  // A copy: what was received is a part of something larger, which would be kept with it.
  const compiled = { bytes: Buffer.from(bytes), fields, factory: factoryOf(fields, realm), ready: undefined }
  cache.set(digest, compiled)
  return compiled
}

function factoryOf(fields: DefinitionFields, realm: Realm): Compiled['factory'] {
  const { file, line, column, strict, names } = fields
  const variables = names.length === 0 ? '' : `let ${names.join(', ')};`
  const setter = names.length === 0 ? '() => {}' : `values => { [${names.join(', ')}] = values }`
  // What the user wrote begins on the second line, at its own column, so that stack traces show the user's own places.
  const source = [
    `${strict ? STRICT_HEAD : SLOPPY_HEAD}${variables} return [${setter}, () => ${openingOf(fields)}`,
    `${' '.repeat(Math.min(column, INDENT_MAX))}${fields.source}`,
    `${closingOf(fields)}] })`,
  ].join('\n')
  try {
    const position = { filename: file === '' ? 'itsparallel' : file, lineOffset: line - 1, columnOffset: 0 }
    return realm.evaluate(source, position) as Compiled['factory']
  } catch (cause) {
    throw new RemoteProtocolError(
      `a function cannot be read: ${cause instanceof Error ? cause.message : 'why ever'}`,
      {
        cause,
      },
    )
  }
}

/** A function without a name takes the one of the property that it is first given to. */
function openingOf({ form, name }: DefinitionFields): string {
  if (form === 'method') return '({'
  return isNameable(name) ? `({ ${JSON.stringify(name)}: (` : '(('
}

function closingOf({ form, name }: DefinitionFields): string {
  if (form === 'method') return '})'
  return isNameable(name) ? `) })[${JSON.stringify(name)}]` : '))'
}

function isNameable(name: string): boolean {
  return name !== '' && name !== '__proto__'
}

/** Reads what `encodePlain` wrote. */
export function decodeFunction(decoder: Decoder): AnyFunction {
  const id = decoder.reserve()
  const hasExtras = decoder.reader.byte() === 1
  const bytes = readDefinition(decoder)
  const original = originalOf(bytes, decoder.realm)
  if (original !== undefined) {
    decoder.settle(id, original)
    // What the engine's copy was given since is the engine's.
    if (hasExtras) decodeExtras(decoder, () => {})
    return original
  }
  const compiled = compile(bytes, decoder.realm)
  const fn = compiled.ready ?? make(decoder, id, compiled, hasExtras)
  decoder.settle(id, fn)
  if (hasExtras) decodeExtras(decoder, fn)
  return fn
}

function readDefinition(decoder: Decoder): Buffer {
  const { reader, definitions } = decoder
  const form = reader.byte()
  if (form === DefinitionForm.ref) {
    const known = definitions[reader.count()]
    if (known === undefined) throw malformed('a function that is not there')
    return known
  }
  if (form !== DefinitionForm.inline && form !== DefinitionForm.frame)
    throw malformed('a function in an unknown form')
  const bytes = form === DefinitionForm.inline ? reader.raw(reader.countOf(1)) : decoder.frame()
  definitions.push(bytes)
  return bytes
}

function make(decoder: Decoder, id: number, compiled: Compiled, hasExtras: boolean): AnyFunction {
  const { fields, factory } = compiled
  const [set, create] = factory(specifier => importFrom(decoder.realm, fields.base ?? '', specifier))
  const values: unknown[] = new Array(fields.names.length)
  const read = (from: number, to: number): void => {
    for (let i = from; i < to; i++) values[i] = decoder.value()
    if (to > from) set(values)
  }
  const eager = Math.min(fields.eager, fields.names.length)
  read(0, eager)
  const fn = taken(fields, create())
  // There now, before the rest of what it captures, which may well refer to it.
  decoder.settle(id, fn)
  read(eager, fields.names.length)
  adoptDefinition(fn, { ...fields, bytes: compiled.bytes })
  if (fields.names.length === 0 && !hasExtras) compiled.ready = fn
  return fn
}

function taken({ form, accessor, name }: DefinitionFields, made: unknown): AnyFunction {
  let fn = made
  if (form === 'method') {
    const object = made as object
    const key = Reflect.ownKeys(object)[0]
    const property = key === undefined ? undefined : Object.getOwnPropertyDescriptor(object, key)
    fn = property?.[accessor ?? 'value']
  }
  if (typeof fn !== 'function') throw malformed('a function that is none')
  if (fn.name !== name && typeof fn.name === 'string')
    Object.defineProperty(fn, 'name', { value: name, configurable: true })
  return fn as AnyFunction
}

/** `import(…)` inside a function, as its own module would do it. */
function importFrom(realm: Realm, base: string, specifier: unknown): Promise<unknown> {
  const text = String(specifier)
  return realm.import(base === '' ? text : (resolveSpecifier(text, base) ?? text))
}

function decodeExtras(decoder: Decoder, fn: AnyFunction): void {
  for (let left = decoder.reader.countOf(2); left > 0; left--) {
    const key = decoder.text()
    const value = decoder.value()
    if (Object.getOwnPropertyDescriptor(fn, key)?.configurable !== false) define(fn, key, value)
  }
  if (decoder.reader.byte() === 0) return
  const prototype = decoder.value()
  if (!Object.hasOwn(fn, 'prototype')) return
  if (typeof prototype !== 'object' || prototype === null) throw malformed('a prototype that is no object')
  if (!Reflect.set(fn, 'prototype', prototype)) throw malformed('a prototype where there can be none')
  Object.defineProperty(prototype, 'constructor', { value: fn, writable: true, configurable: true })
}

/** Reads a bound function. */
export function decodeBound(decoder: Decoder): AnyFunction {
  const id = decoder.reserve()
  const target = decoder.value()
  const self = decoder.value()
  const args = decoder.value()
  if (typeof target !== 'function' || !Array.isArray(args))
    throw malformed('a bound function without its target')
  const fn = Function.prototype.bind.call(target, self, ...(args as unknown[])) as AnyFunction
  decoder.settle(id, fn)
  return fn
}

/** Reads the `require` of a CommonJS module. */
export function decodeRequire(decoder: Decoder): unknown {
  const file = decoder.text()
  if (!file.startsWith('/') && !file.startsWith('file:') && !/^[A-Za-z]:\\/.test(file))
    throw malformed('a require without a file')
  try {
    return decoder.begin(createRequire(file.startsWith('file:') ? fileURLToPath(file) : file))
  } catch (cause) {
    throw malformed('a require without a file', cause)
  }
}
