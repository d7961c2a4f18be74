/**
 * Writes JavaScript values as pickles of protocol 4, which every Python from 3.4 on reads.
 *
 * Arrays become lists (tuples where Python needs something hashable), plain objects and Maps dicts, Sets sets, Dates
 * aware datetimes, typed arrays and NDArrays numpy arrays, Buffers bytes. Objects that were read from a pickle are
 * written as they were.
 *
 * Values that are met twice need a memo, which costs a byte each: the first attempt goes without one, and stops at the
 * first object that it meets again (`SharedError`).
 */

import { types } from 'node:util'
import { NDArray } from '../../base/nd-array.ts'
import type { Message } from '../../transport/socket.ts'
import { Reference } from '../callee.ts'
import type { Path } from '../path.ts'
import { compareKeys } from './key-order.ts'
import { PythonDict, PythonGlobal, PythonInstance, PythonSet, PythonTuple } from './nodes.ts'
import { typeText } from './numpy.ts'
import { Op } from './opcodes.ts'
import type { PickleWriter } from './pickle-writer.ts'
import { datetimeArguments } from './python-dates.ts'
import { pythonCallee } from './python-function.ts'
import { nodeOf, PythonObject } from './python-object.ts'

const CANNING = 'ipyparallel.serialize.canning'
/** Bytes from which on ipyparallel sends data beside the pickle. */
const OUT_OF_BAND_ABOVE = 1024
/** Containers of so many items are not searched for data by ipyparallel. */
export const SEARCHED_ITEMS_END = 64

/**
 * Where a value stands. ipyparallel looks for what it sends beside the pickle in the object itself (`whole`) and in the
 * items of a small container (`item`), and nowhere else (`deep`).
 */
type Place = 'whole' | 'item' | 'deep'

class SharedError extends Error {}

/** Writes one object: its pickle, and the frames that go with it. */
export class Pickler {
  readonly #out: PickleWriter
  readonly #path: Path
  #frames: Message[number][] = []
  #seen = new Set<object>()
  /** Numbers of the objects in the memo; undefined during the first attempt. */
  #memo: Map<object, number> | undefined
  #memoized = 0

  constructor(path: Path, out: PickleWriter) {
    this.#path = path
    this.#out = out
  }

  /** @throws SerializationError naming the path to what has no counterpart in Python. */
  pickle(value: unknown): Message[number][] {
    const { depth } = this.#path
    try {
      return this.#attempt(value, undefined)
    } catch (error) {
      if (!(error instanceof SharedError)) throw this.#asRefusal(error)
    }
    this.#path.depth = depth
    try {
      return this.#attempt(value, new Map())
    } catch (error) {
      throw this.#asRefusal(error)
    }
  }

  #asRefusal(error: unknown): unknown {
    return error instanceof RangeError ? this.#path.refuseDeep(error) : error
  }

  #attempt(value: unknown, memo: Map<object, number> | undefined): Message[number][] {
    this.#memo = memo
    this.#out.begin()
    this.#frames = []
    this.#seen = new Set()
    this.#memoized = 0
    this.#value(value, 'whole')
    return [this.#out.end(), ...this.#frames]
  }

  #value(value: unknown, place: Place): void {
    if (value === null || value === undefined) this.#out.op(Op.NONE)
    else if (typeof value === 'object') this.#object(value, place)
    else if (typeof value === 'function') this.#function(value, place)
    else this.#primitive(value)
  }

  #primitive(value: unknown): void {
    if (typeof value === 'string') this.#out.text(value)
    else if (typeof value === 'number') this.#out.number(value)
    else if (typeof value === 'bigint') this.#out.long(value)
    else if (typeof value === 'boolean') this.#out.op(value ? Op.NEWTRUE : Op.NEWFALSE)
    else throw this.#path.refuse('Python knows no symbols', 'Send a text instead')
  }

  #object(value: object, place: Place): void {
    if (value instanceof NDArray) this.#array(value, place)
    else if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) this.#bytes(value, place)
    else if (value instanceof Reference) this.#reference(value, place)
    else if (value instanceof PythonObject) this.#value(value[nodeOf], place)
    else if (value instanceof PythonGlobal) this.#out.global(value.module, value.name)
    else if (value instanceof PythonTuple && value.items.length === 0) this.#out.op(Op.EMPTY_TUPLE)
    else if (!this.#wasSeen(value)) this.#shareable(value, place)
  }

  /** What Python tells apart by identity, and what can hold itself. */
  #shareable(value: object, place: Place): void {
    if (Array.isArray(value)) this.#list(value, place)
    else if (value instanceof PythonTuple) this.#tuple(value.items, value)
    else if (value instanceof PythonDict) this.#dict(value.entries, 'deep', value)
    else if (value instanceof PythonSet) this.#set(value.items, value.isFrozen, value)
    else if (value instanceof PythonInstance) this.#instance(value)
    else if (types.isMap(value)) this.#dict([...value], place, value)
    else if (types.isSet(value)) this.#set([...value], false, value)
    else if (types.isDate(value)) this.#date(value)
    else if (isPlain(value)) this.#dict(Object.entries(value), place, value)
    else throw this.#refuseInstance(value)
  }

  #refuseInstance(value: object): Error {
    const name = (value as { constructor?: { name?: unknown } }).constructor?.name
    return this.#path.refuse(
      `Python has no counterpart for a JavaScript object of class ${typeof name === 'string' ? name : '?'}`,
      'Send its data as a plain object',
    )
  }

  /** True when the value was written before and a reference to that will do. */
  #wasSeen(value: object): boolean {
    const number = this.#memo?.get(value)
    if (number !== undefined) {
      this.#recall(number)
      return true
    }
    if (this.#seen.has(value)) {
      if (this.#memo === undefined) throw new SharedError()
      throw this.#path.refuse('it contains itself in a way that Python cannot', 'Break the cycle')
    }
    this.#seen.add(value)
    return false
  }

  #remember(value: object): void {
    if (this.#memo === undefined) return
    this.#memo.set(value, this.#memoized++)
    this.#out.op(Op.MEMOIZE)
  }

  #recall(number: number): void {
    this.#out.op(number < 256 ? Op.BINGET : Op.LONG_BINGET)
    if (number < 256) this.#out.op(number)
    else this.#out.uint32(number)
  }

  // --- containers ---

  #list(items: readonly unknown[], place: Place): void {
    this.#out.op(Op.EMPTY_LIST)
    this.#remember(items)
    if (items.length === 0) return
    this.#out.op(Op.MARK)
    const inside = placeOfItems(place, items.length)
    for (let i = 0; i < items.length; i++) {
      this.#path.enter(i)
      this.#value(items[i], inside)
      this.#path.leave()
    }
    this.#out.op(Op.APPENDS)
  }

  #tuple(items: readonly unknown[], owner: object): void {
    if (items.length === 0) {
      this.#out.op(Op.EMPTY_TUPLE)
      return
    }
    this.#out.op(Op.MARK)
    for (const item of items) this.#value(item, 'deep')
    this.#out.op(Op.TUPLE)
    this.#remember(owner)
  }

  #dict(entries: Iterable<readonly [unknown, unknown]>, place: Place, owner: object): void {
    let list = [...entries]
    const inside = placeOfItems(place, list.length)
    // ipyparallel goes through the keys in their order when it looks for frames.
    if (inside === 'item') list = this.#sorted(list)
    this.#out.op(Op.EMPTY_DICT)
    this.#remember(owner)
    if (list.length === 0) return
    this.#out.op(Op.MARK)
    for (const [key, value] of list) {
      this.#path.enter(typeof key === 'string' ? key : String(key))
      this.#hashable(key)
      this.#value(value, inside)
      this.#path.leave()
    }
    this.#out.op(Op.SETITEMS)
  }

  #sorted(entries: (readonly [unknown, unknown])[]): (readonly [unknown, unknown])[] {
    const kinds = new Set(entries.map(([key]) => (typeof key === 'bigint' ? 'number' : typeof key)))
    const isOrdered = kinds.size <= 1 && (kinds.has('string') || kinds.has('number') || entries.length <= 1)
    if (isOrdered) return entries.sort(([a], [b]) => compareKeys(a, b))
    throw this.#path.refuse(
      "its keys are of several kinds or have no order, and Python's ipyparallel sorts the keys of a dict",
      'Put it into an array, or use keys that are all text or all numbers',
    )
  }

  #set(items: readonly unknown[], isFrozen: boolean, owner: object): void {
    if (isFrozen) {
      this.#out.op(Op.MARK)
      for (const item of items) this.#hashable(item)
      this.#out.op(Op.FROZENSET)
      this.#remember(owner)
      return
    }
    this.#out.op(Op.EMPTY_SET)
    this.#remember(owner)
    if (items.length === 0) return
    this.#out.op(Op.MARK)
    for (const item of items) this.#hashable(item)
    this.#out.op(Op.ADDITEMS)
  }

  /** Keys of dicts and items of sets: lists cannot be, tuples can. */
  #hashable(value: unknown): void {
    if (Array.isArray(value)) {
      this.#out.op(Op.MARK)
      for (const item of value) this.#hashable(item)
      this.#out.op(Op.TUPLE)
    } else if (types.isMap(value) || types.isSet(value) || isNumeric(value) || value instanceof NDArray)
      throw this.#path.refuse('Python allows no such thing as a key or in a set', 'Use text or numbers')
    else this.#value(value, 'deep')
  }

  // --- objects ---

  /** An object as it was read. */
  #instance(node: PythonInstance): void {
    this.#value(node.maker, 'deep')
    this.#tuple(node.args.items, node.args)
    if (node.keywords !== undefined) this.#value(node.keywords, 'deep')
    this.#out.op(node.keywords !== undefined ? Op.NEWOBJ_EX : node.making === 'new' ? Op.NEWOBJ : Op.REDUCE)
    this.#remember(node)
    if (node.items.length > 0) {
      this.#out.op(Op.MARK)
      for (const item of node.items) this.#value(item, 'deep')
      this.#out.op(Op.APPENDS)
    }
    if (node.entries.length > 0) {
      this.#out.op(Op.MARK)
      for (const [key, value] of node.entries) {
        this.#value(key, 'deep')
        this.#value(value, 'deep')
      }
      this.#out.op(Op.SETITEMS)
    }
    if (node.state === undefined) return
    this.#value(node.state, 'deep')
    this.#out.op(Op.BUILD)
  }

  /** A call of `module.name` with `args`. */
  #reduce(module: string, name: string, args: readonly unknown[]): void {
    this.#out.global(module, name)
    this.#tuple(args, args)
    this.#out.op(Op.REDUCE)
  }

  /** The moment, told in UTC. */
  #date(date: Date): void {
    const ms = date.getTime()
    const year = date.getUTCFullYear()
    if (!(year >= 1 && year <= 9999))
      throw this.#path.refuse(
        Number.isNaN(ms) ? 'it is no valid date' : 'Python knows only the years 1 to 9999',
        'Send its number of milliseconds, or null',
      )
    this.#reduce('datetime', 'datetime', datetimeArguments(date))
    this.#remember(date)
  }

  // --- data ---

  #bytes(value: ArrayBufferView | ArrayBufferLike, place: Place): void {
    if (isNumeric(value)) {
      this.#array(new NDArray(value), place)
      return
    }
    const bytes = ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(value)
    if (place === 'deep' || bytes.length <= OUT_OF_BAND_ABOVE) this.#out.bytes(bytes)
    else this.#canned('CannedBytes', () => this.#buffers(bytes))
  }

  #array(array: NDArray, place: Place): void {
    const { data, shape } = array
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    if (place === 'deep') {
      // Not canned at this depth: an ndarray over bytes of its own, which every NumPy can make.
      this.#out.global('numpy', 'ndarray')
      this.#out.op(Op.MARK)
      this.#tuple(shape, shape)
      this.#out.text(typeText(array))
      this.#out.global('builtins', 'bytearray')
      this.#out.op(Op.MARK)
      this.#out.bytes(bytes)
      this.#out.op(Op.TUPLE)
      this.#out.op(Op.REDUCE)
      this.#out.op(Op.TUPLE)
      this.#out.op(Op.REDUCE)
      return
    }
    this.#canned('CannedArray', () => {
      this.#out.text('shape')
      this.#tuple(shape, shape)
      this.#out.text('dtype')
      this.#out.text(typeText(array))
      this.#out.text('pickled')
      this.#out.op(Op.NEWFALSE)
      this.#buffers(bytes)
    })
  }

  #canned(kind: string, state: () => void): void {
    this.#out.global(CANNING, kind)
    this.#out.op(Op.EMPTY_TUPLE)
    this.#out.op(Op.NEWOBJ)
    this.#out.op(Op.EMPTY_DICT)
    this.#out.op(Op.MARK)
    state()
    this.#out.op(Op.SETITEMS)
    this.#out.op(Op.BUILD)
  }

  #buffers(bytes: Buffer): void {
    this.#out.text('buffers')
    this.#out.op(Op.EMPTY_LIST)
    this.#out.op(Op.MARK)
    if (bytes.length > OUT_OF_BAND_ABOVE) {
      this.#frames.push(bytes)
      this.#out.op(Op.NONE)
    } else this.#out.bytes(bytes)
    this.#out.op(Op.APPENDS)
  }

  // --- what stands for something on the engine ---

  #function(value: object, place: Place): void {
    const callee = pythonCallee(value)
    if (callee === undefined)
      throw this.#path.refuse(
        'it is a JavaScript function, and a Python engine cannot run it',
        "Name a Python function, such as python('math:sqrt'), or give one as source: python.source('def f(x): ...')",
      )
    if (Object.keys(callee.keywords).length > 0)
      throw this.#path.refuse(
        'a Python function that is an argument cannot carry keyword arguments',
        'Give it as source: python.source("lambda x: f(x, key=1)")',
      )
    if (callee.callee instanceof PythonGlobal) this.#out.global(callee.callee.module, callee.callee.name)
    else this.#reference(callee.callee, place)
  }

  #reference({ name }: Reference, place: Place): void {
    if (place === 'deep')
      throw this.#path.refuse(
        'it stands for something of the engine, and Python looks for that only in arguments and one level below them',
        'Move it up',
      )
    this.#canned('Reference', () => {
      this.#out.text('name')
      this.#out.text(name)
      this.#out.text('buffers')
      this.#out.op(Op.EMPTY_LIST)
    })
  }
}

function placeOfItems(place: Place, count: number): Place {
  return place === 'whole' && count < SEARCHED_ITEMS_END ? 'item' : 'deep'
}

/** Numbers that NumPy would hold; Buffers are bytes. */
function isNumeric(value: unknown): value is ConstructorParameters<typeof NDArray>[0] {
  return types.isTypedArray(value) && !Buffer.isBuffer(value)
}

/** Also of another realm: its prototype has none itself, and is the one that objects inherit from. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty')
}
