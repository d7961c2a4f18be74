/** Functions from their definitions: compiled once, made anew for each set of captured values. */

import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { RemoteProtocolError } from '../errors.ts'
import { malformed } from './byte-reader.ts'
import type { AnyFunction } from './callee.ts'
import { type Decoder, define } from './decoder.ts'
import { type DefinitionFields, DIGEST_BYTES, parseDefinition } from './definition.ts'
import { adoptPlan, type Plan, planFor } from './function-plan.ts'
import { checkInert } from './inert.ts'
import { LruMap } from './lru-map.ts'
import { laterKey } from './module-list.ts'
import { originalOf } from './originals.ts'
import type { Realm } from './realm.ts'
import { IMPORT_NAME, STRICT_HEAD } from './rewrite.ts'
import { resolveSpecifier } from './script-imports.ts'
import { DefinitionForm } from './tags.ts'
import { withoutVersion } from './user-modules.ts'

const SLOPPY_HEAD = `(function (${IMPORT_NAME}) {`
/** Functions of bundled text begin far to the right; they are not indented to stay in their column. */
const INDENT_MAX = 500
const COMPILED_MAX = 2000

/** Sets the captured variables, and makes the function that uses them. */
type Made = readonly [set: (values: readonly unknown[]) => void, make: () => unknown]

type Factory = (importModule: (specifier: unknown) => Promise<unknown>) => Made

export interface Compiled {
  readonly bytes: Buffer
  readonly fields: DefinitionFields
  /** Made when it is first needed: a class that this process sent itself never is. */
  factory: Factory | undefined
  /** The function itself, when it captures nothing and so is always the same. */
  ready: AnyFunction | undefined
  /** By which its functions travel on. */
  plan: Plan | undefined
}

/** What one realm has compiled, and the definition that it met last: programs send the same function in a row. */
class CompiledDefinitions {
  readonly #all = new LruMap<string, Compiled>(COMPILED_MAX)
  #last: Compiled | undefined

  /** @param bytes - the definition stands in it from `start` to `end`. */
  at(bytes: Buffer, start: number, end: number): Compiled {
    const last = this.#last
    if (last?.bytes.length === end - start && last.bytes.compare(bytes, start, end) === 0) return last
    const digest = bytes.toString('latin1', start, Math.min(start + DIGEST_BYTES, end))
    let known = this.#all.get(digest)
    // The digest is the peer's word; the bytes decide.
    if (
      known === undefined ||
      known.bytes.length !== end - start ||
      known.bytes.compare(bytes, start, end) !== 0
    ) {
      // A copy: what was received is a part of something larger, which would be kept with it.
      const copy = Buffer.from(bytes.subarray(start, end))
      const fields = parseDefinition(copy)
      if (fields === undefined) throw malformed('a function is not described as it must be')
      known = { bytes: copy, fields, factory: undefined, ready: undefined, plan: undefined }
      this.#all.set(digest, known)
    }
    this.#last = known
    return known
  }
}

const compiledByRealm = new WeakMap<Realm, CompiledDefinitions>()

function compiledOf(realm: Realm): CompiledDefinitions {
  let compiled = compiledByRealm.get(realm)
  if (compiled === undefined) {
    compiled = new CompiledDefinitions()
    compiledByRealm.set(realm, compiled)
  }
  return compiled
}

function factoryOf(fields: DefinitionFields, realm: Realm): Factory {
  if (realm.guarded === true) checkInert(fields)
  const { file, line, column, strict, names } = fields
  const variables = names.length === 0 ? '' : `let ${names.join(', ')};`
  const setter = `values => { ${names.map((name, index) => `${name} = values[${index}]`).join('; ')} }`
  // What the user wrote begins on the second line, at its own column, so that stack traces show the user's own places.
  const source = [
    `${strict ? STRICT_HEAD : SLOPPY_HEAD}${variables} return [${setter}, () => ${openingOf(fields)}`,
    `${' '.repeat(Math.min(column, INDENT_MAX))}${fields.source}`,
    `${closingOf(fields)}] })`,
  ].join('\n')
  try {
    const position = { filename: file === '' ? 'itsparallel' : file, lineOffset: line - 1, columnOffset: 0 }
    return realm.evaluate(source, position) as Factory
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
  const compiled = readDefinition(decoder)
  const original = compiled.fields.isClass ? originalOf(compiled.bytes, decoder.realm) : undefined
  if (original !== undefined) {
    decoder.settle(id, original)
    // What the engine's copy was given since is the engine's.
    if (hasExtras) decodeExtras(decoder, () => {})
    return original
  }
  const fn = compiled.ready ?? make(decoder, id, compiled, hasExtras)
  decoder.settle(id, fn)
  if (hasExtras) decodeExtras(decoder, fn)
  return fn
}

function readDefinition(decoder: Decoder): Compiled {
  const { reader, definitions } = decoder
  const form = reader.byte()
  if (form === DefinitionForm.ref) {
    const known = definitions[reader.count()]
    if (known === undefined) throw malformed('a function that is not there')
    return known
  }
  if (form !== DefinitionForm.inline && form !== DefinitionForm.frame)
    throw malformed('a function in an unknown form')
  const all = compiledOf(decoder.realm)
  let compiled: Compiled
  if (form === DefinitionForm.inline) {
    const length = reader.countOf(1)
    const start = reader.position
    reader.position += length
    compiled = all.at(reader.bytes, start, reader.position)
  } else {
    const frame = decoder.frame()
    compiled = all.at(frame, 0, frame.length)
  }
  definitions.push(compiled)
  return compiled
}

function make(decoder: Decoder, id: number, compiled: Compiled, hasExtras: boolean): AnyFunction {
  const { fields } = compiled
  compiled.factory ??= factoryOf(fields, decoder.realm)
  const [set, create] = compiled.factory(specifier =>
    importFrom(decoder.realm, fields.base ?? '', specifier, decoder.later),
  )
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
  compiled.plan ??= planFor({ ...fields, bytes: compiled.bytes })
  adoptPlan(fn, compiled.plan)
  // What it imports may be another version the next time.
  const isAlwaysTheSame = fields.names.length === 0 && !hasExtras && decoder.later.size === 0
  if (isAlwaysTheSame) compiled.ready = fn
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
function importFrom(
  realm: Realm,
  base: string,
  specifier: unknown,
  later: ReadonlyMap<string, string>,
): Promise<unknown> {
  const text = String(specifier)
  const address = later.get(laterKey(base, text))
  if (address !== undefined)
    return realm.import(realm.bundles === undefined ? withoutVersion(address) : address)
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
    return decoder.begin(requireIn(decoder, file.startsWith('file:') ? fileURLToPath(file) : file))
  } catch (cause) {
    throw malformed('a require without a file', cause)
  }
}

function requireIn({ later, realm: { bundles } }: Decoder, file: string): NodeJS.Require {
  const there = createRequire(file)
  if (later.size === 0 || bundles === undefined) return there
  const base = pathToFileURL(file).href
  const require = (specifier: string): unknown => {
    const address = later.get(laterKey(base, specifier))
    return address === undefined ? there(specifier) : bundles.require(address)
  }
  return Object.assign(require, there)
}
