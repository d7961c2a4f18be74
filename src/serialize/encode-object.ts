import { types } from 'node:util'
import { NDArray } from '../base/nd-array.ts'
import { SerializationError } from '../errors.ts'
import { Reference } from './callee.ts'
import { encodeError } from './encode-error.ts'
import { encodeAsImport } from './encode-import.ts'
import { encodeInstance } from './encode-instance.ts'
import type { Encoder } from './encoder.ts'
import { Tag } from './tags.ts'

/** From this many elements on, arrays of numbers alone are packed. */
const PACKED_ELEMENTS_MIN = 4
/** Longer arrays are not searched for properties that are no elements: naming every element would cost too much. */
const SEARCHED_ELEMENTS_MAX = 64

/** Writes an object that is no function, with the tag of its kind. It is numbered already. */
export function encodeObject(encoder: Encoder, object: object): void {
  const prototype: unknown = prototypeOf(encoder, object)
  if (prototype === Object.prototype) {
    // `console`, `Math` or a module that was required look plain, and are not.
    if (encodeAsImport(encoder, object)) return
    encoder.out.byte(Tag.object)
    encodeProperties(encoder, object)
    return
  }
  if (prototype === Array.prototype && Array.isArray(object)) {
    encodeArray(encoder, object)
    return
  }
  if (prototype === null) {
    encodeNullObject(encoder, object)
    return
  }
  if (encodeBuiltin(encoder, object, prototype)) return
  // `process` and `globalThis` are instances of something, and there is one on the engine.
  if (encodeAsImport(encoder, object)) return
  encodeInstance(encoder, object, prototype as object)
}

function prototypeOf(encoder: Encoder, object: object): unknown {
  try {
    return Object.getPrototypeOf(object)
  } catch (cause) {
    throw encoder.path.refuse('its proxy does not let itself be read', 'Send the data behind it', cause)
  }
}

function encodeNullObject(encoder: Encoder, object: object): void {
  if (types.isModuleNamespaceObject(object) && encodeAsImport(encoder, object)) return
  encoder.out.byte(Tag.nullObject)
  encodeProperties(encoder, object)
}

/** Own enumerable properties, then those under symbols. Of a getter, the value that it gives now travels. */
export function encodeProperties(encoder: Encoder, object: object, skip?: ReadonlySet<string>): void {
  const { out, path } = encoder
  let keys = ownKeys(encoder, object)
  if (skip !== undefined) keys = keys.filter(key => !skip.has(key))
  const symbols = Object.getOwnPropertySymbols(object)
  out.count(keys.length * 2 + (symbols.length > 0 ? 1 : 0))
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    path.enter(key)
    encoder.key(key)
    encoder.value(read(encoder, object, key))
    path.leave()
  }
  if (symbols.length > 0) encodeSymbolProperties(encoder, object, symbols)
}

/** What node's EventEmitter keeps under symbols of its own; it makes them anew. */
const EMITTER_SYMBOLS = /^(kCapture|shapeMode)$/

function encodeSymbolProperties(encoder: Encoder, object: object, symbols: readonly symbol[]): void {
  const travelling = symbols.filter(
    symbol =>
      Object.prototype.propertyIsEnumerable.call(object, symbol) &&
      !EMITTER_SYMBOLS.test(symbol.description ?? ''),
  )
  encoder.out.count(travelling.length)
  for (const symbol of travelling) {
    encoder.path.enter(symbol)
    encoder.value(symbol)
    encoder.value(read(encoder, object, symbol))
    encoder.path.leave()
  }
}

function ownKeys(encoder: Encoder, object: object): string[] {
  try {
    return Object.keys(object)
  } catch (cause) {
    throw encoder.path.refuse('its properties cannot be listed', 'Send the data behind it', cause)
  }
}

function read(encoder: Encoder, object: object, key: string | symbol): unknown {
  try {
    return Reflect.get(object, key)
  } catch (cause) {
    if (cause instanceof SerializationError) throw cause
    throw encoder.path.refuse('reading it throws', 'Send the data behind it', cause)
  }
}

function encodeArray(encoder: Encoder, array: readonly unknown[]): void {
  const { out, path } = encoder
  const { length } = array
  if (length >= PACKED_ELEMENTS_MIN && encodeNumbers(encoder, array)) return
  if (length <= SEARCHED_ELEMENTS_MAX ? Object.keys(array).length !== length : isSparse(array)) {
    encodeSparseArray(encoder, array)
    return
  }
  out.byte(Tag.array)
  out.count(length)
  for (let i = 0; i < length; i++) {
    path.enter(i)
    encoder.value(array[i])
    path.leave()
  }
}

/** Whether a long array has holes. */
function isSparse(array: readonly unknown[]): boolean {
  for (let i = 0; i < array.length; i++) if (array[i] === undefined && !(i in array)) return true
  return false
}

function encodeSparseArray(encoder: Encoder, array: readonly unknown[]): void {
  encoder.out.byte(Tag.sparseArray)
  encoder.out.count(array.length)
  encodeProperties(encoder, array)
}

/** Writes an array of numbers as their bytes; false when there is something else in it. */
function encodeNumbers(encoder: Encoder, array: readonly unknown[]): boolean {
  const { length } = array
  let integers = true
  for (let i = 0; i < length; i++) {
    const value = array[i]
    if (typeof value !== 'number') return false
    if (integers && ((value | 0) !== value || (value === 0 && 1 / value < 0))) integers = false
  }
  if (length <= SEARCHED_ELEMENTS_MAX && Object.keys(array).length !== length) return false
  const { out } = encoder
  out.byte(integers ? Tag.integers : Tag.doubles)
  out.count(length)
  const packed = integers ? Int32Array.from(array as number[]) : Float64Array.from(array as number[])
  out.raw(new Uint8Array(packed.buffer))
  return true
}

type Write = (encoder: Encoder, object: object) => void

const tagged =
  (tag: number, write: (encoder: Encoder, object: never) => void): Write =>
  (encoder, object) => {
    encoder.out.byte(tag)
    write(encoder, object as never)
  }

const view: Write = (encoder, object) => encoder.view(object as ArrayBufferView)

const refused =
  (what: string, remedy: string): Write =>
  encoder => {
    throw encoder.path.refuse(what, remedy)
  }

const insideRemedy = 'Create it inside the function, on the engine'

/** Of iterators that nothing else tells from plain objects. */
const iteratorPrototypes: ReadonlySet<unknown> = new Set(
  [[].values(), ''[Symbol.iterator](), ''.matchAll(/x/g)].map(each => Object.getPrototypeOf(each) as unknown),
)

/** Kinds of objects that the language and node define, by the test that tells them. The base of subclasses, too. */
const kinds: readonly { is: (object: object) => boolean; write: Write }[] = [
  {
    is: object => Array.isArray(object),
    write: (encoder, object) => encodeArray(encoder, object as unknown[]),
  },
  { is: isError, write: (encoder, object) => encodeError(encoder, object as Error) },
  { is: ArrayBuffer.isView, write: view },
  { is: types.isArrayBuffer, write: (encoder, object) => encoder.arrayBuffer(object as ArrayBuffer) },
  { is: types.isMap, write: tagged(Tag.map, encodeMap) },
  { is: types.isSet, write: tagged(Tag.set, encodeSet) },
  { is: types.isDate, write: tagged(Tag.date, (encoder, date: Date) => encoder.out.double(date.getTime())) },
  { is: types.isRegExp, write: tagged(Tag.regExp, encodeRegExp) },
  {
    is: types.isBoxedPrimitive,
    write: tagged(Tag.boxed, (encoder, box: object) => encoder.value(box.valueOf())),
  },
  {
    is: object => object instanceof URL,
    write: tagged(Tag.url, (encoder, url: URL) => encoder.text(url.href)),
  },
  {
    is: object => object instanceof URLSearchParams,
    write: tagged(Tag.urlSearchParams, (encoder, query: URLSearchParams) => encoder.text(query.toString())),
  },
  {
    is: object => object instanceof Reference,
    write: tagged(Tag.reference, (encoder, reference: Reference) => encoder.text(reference.name)),
  },
  { is: object => object instanceof NDArray, write: tagged(Tag.ndArray, encodeNDArray) },
  { is: types.isPromise, write: refused('a Promise settles in this process only', 'Await it first') },
  { is: types.isSharedArrayBuffer, write: refused('shared memory ends with the process', 'Send a copy') },
  {
    is: object => types.isWeakMap(object) || types.isWeakSet(object) || object instanceof WeakRef,
    write: refused('what a weak collection holds cannot be listed', 'Send a Map or Set'),
  },
  { is: types.isGeneratorObject, write: refused('a generator under way cannot be moved', insideRemedy) },
  { is: types.isExternal, write: refused('it belongs to native code', insideRemedy) },
  {
    is: object =>
      types.isMapIterator(object) ||
      types.isSetIterator(object) ||
      iteratorPrototypes.has(Object.getPrototypeOf(object)),
    write: refused('an iterator under way cannot be moved', 'Send what it iterates over'),
  },
]

/** A DOMException, such as an AbortError, is one in all but its making. */
function isError(object: object): boolean {
  return types.isNativeError(object) || object instanceof DOMException
}

const kindOfPrototype = new Map<unknown, Write>()

/** Writes objects of the language and of node; false for all others, and for subclasses. */
function encodeBuiltin(encoder: Encoder, object: object, prototype: unknown): boolean {
  // A prototype says what its own instances are, and costs one look-up; but anybody may claim one.
  let write = kindOfPrototype.get(prototype)
  if (write === undefined) {
    if (!isStandardPrototype(prototype as object)) return false
    write = builtinKind(object)
    if (write === undefined) return false
    kindOfPrototype.set(prototype, write)
  } else if (builtinKind(object) !== write) return false
  write(encoder, object)
  return true
}

/** The kind an object is of by its inner nature, whatever its prototype. */
export function builtinKind(object: object): Write | undefined {
  return kinds.find(kind => kind.is(object))?.write
}

const nodePrototypes = new Set<object>([
  Buffer.prototype,
  DOMException.prototype,
  URL.prototype,
  URLSearchParams.prototype,
  Reference.prototype,
  NDArray.prototype,
])

/** Whether this is the prototype of a class of the language itself, in whatever realm. */
function isStandardPrototype(prototype: object): boolean {
  if (nodePrototypes.has(prototype)) return true
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function')
    return types.isGeneratorObject(prototype) || !Object.hasOwn(prototype, 'constructor')
  return (
    Reflect.get(maker, 'prototype') === prototype &&
    Function.prototype.toString.call(maker).endsWith('{ [native code] }')
  )
}

function encodeMap(encoder: Encoder, map: ReadonlyMap<unknown, unknown>): void {
  encoder.out.count(map.size)
  for (const [key, value] of Map.prototype.entries.call(map)) {
    encoder.path.enter(typeof key === 'object' || typeof key === 'function' ? 'key' : String(key))
    encoder.value(key)
    encoder.value(value)
    encoder.path.leave()
  }
}

function encodeSet(encoder: Encoder, set: ReadonlySet<unknown>): void {
  encoder.out.count(set.size)
  let index = 0
  for (const value of Set.prototype.values.call(set)) {
    encoder.path.enter(index++)
    encoder.value(value)
    encoder.path.leave()
  }
}

function encodeRegExp(encoder: Encoder, expression: RegExp): void {
  encoder.text(expression.source)
  encoder.text(expression.flags)
  encoder.value(expression.lastIndex)
}

function encodeNDArray(encoder: Encoder, array: NDArray): void {
  encoder.text(array.dtype)
  encoder.out.count(array.shape.length)
  for (const length of array.shape) encoder.out.count(length)
  // A value of its own: what else refers to the same typed array goes on doing so.
  encoder.path.enter('data')
  encoder.value(array.data)
  encoder.path.leave()
}
