import { type DType, NDArray } from '../base/nd-array.ts'
import type { TypedArray } from '../base/typed-array.ts'
import type { Frame } from '../transport/socket.ts'
import { ReceivedBuffers } from './array-buffers.ts'
import { type ByteReader, malformed } from './byte-reader.ts'
import { Cell } from './cell.ts'
import { decodeError } from './decode-error.ts'
import { decodeInstance } from './decode-instance.ts'
import { intrinsicAt } from './intrinsics.ts'
import { importedValue } from './loaded-modules.ts'
import type { ReadModules } from './module-list.ts'
import type { Realm } from './realm.ts'
import { type Compiled, decodeBound, decodeFunction, decodeRequire } from './revive.ts'
import { ownSymbol, WELL_KNOWN_SYMBOLS } from './symbols.ts'
import { SMALL_INTEGER, Tag } from './tags.ts'

const NONE: ReadonlyMap<string, string> = new Map()

/** Reads one payload. Whatever the bytes are, it gives a value or throws, and calls nothing that they name. */
export class Decoder {
  readonly reader: ByteReader
  readonly realm: Realm
  #buffers: ReceivedBuffers | undefined
  /** Definitions by number, in the order in which they came. */
  readonly definitions: Compiled[] = []
  readonly #objects: unknown[] = []
  readonly #keys: string[] = []
  readonly #frames: readonly Frame[]
  #nextFrame: number

  /** Addresses of modules that functions in it may import when they run. */
  readonly later: ReadonlyMap<string, string>

  /** @param modules - the frames that stand before those of the body. */
  constructor(reader: ByteReader, frames: readonly Frame[], realm: Realm, modules?: ReadModules) {
    this.reader = reader
    this.realm = realm
    this.later = modules?.later ?? NONE
    this.#frames = frames
    this.#nextFrame = 1 + (modules === undefined ? 0 : 1 + modules.bundles.length)
  }

  get buffers(): ReceivedBuffers {
    this.#buffers ??= new ReceivedBuffers(() => this.frame())
    return this.#buffers
  }

  frame(): Frame {
    const frame = this.#frames[this.#nextFrame++]
    if (frame === undefined) throw malformed('a frame is missing')
    return frame
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.reader.left !== 0) throw malformed('something follows its value')
    if (this.#nextFrame !== this.#frames.length) throw malformed('it has more frames than it uses')
  }

  /** Numbers an object that begins. */
  begin<T>(object: T): T {
    this.#objects.push(object)
    return object
  }

  /** Numbers an object that is not there yet. */
  reserve(): number {
    return this.#objects.push(undefined) - 1
  }

  settle(id: number, object: unknown): void {
    this.#objects[id] = object
  }

  value(): unknown {
    const { reader } = this
    const tag = reader.byte()
    if (tag >= SMALL_INTEGER) return tag - SMALL_INTEGER
    return this.tagged(tag)
  }

  /** The value that follows its tag. */
  tagged(tag: number): unknown {
    const { reader } = this
    switch (tag) {
      case Tag.null:
        return null
      case Tag.undefined:
        return undefined
      case Tag.true:
        return true
      case Tag.false:
        return false
      case Tag.integer: {
        const zigzag = reader.count()
        return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
      }
      case Tag.double:
        return reader.double()
      case Tag.ascii:
        return reader.ascii()
      case Tag.utf16:
        return reader.utf16()
      case Tag.bigint:
        return this.#bigint()
      case Tag.wellKnownSymbol:
        return WELL_KNOWN_SYMBOLS.get(this.text()) ?? Symbol.for('unknown')
      case Tag.registeredSymbol:
        return Symbol.for(this.text())
      case Tag.ownSymbol:
        return ownSymbol(this.text(), this.value())
      case Tag.ref:
        return this.#ref()
      default:
        return this.#object(tag)
    }
  }

  #object(tag: number): unknown {
    const { reader } = this
    switch (tag) {
      case Tag.array:
        return this.#array()
      case Tag.sparseArray:
        return this.#sparseArray()
      case Tag.doubles:
        return this.begin(numbersOf(this.#packed(Float64Array)))
      case Tag.integers:
        return this.begin(numbersOf(this.#packed(Int32Array)))
      case Tag.object:
        return this.properties(this.begin({}))
      case Tag.nullObject:
        return this.properties(this.begin(Object.create(null) as object))
      case Tag.map:
        return this.#map()
      case Tag.set:
        return this.#set()
      case Tag.date:
        return this.begin(new Date(reader.double()))
      case Tag.regExp:
        return this.#regExp()
      case Tag.boxed:
        return this.#boxed()
      case Tag.url:
        return this.begin(this.#made(() => new URL(this.text())))
      case Tag.urlSearchParams:
        return this.begin(new URLSearchParams(this.text()))
      case Tag.error:
        return decodeError(this)
      case Tag.view:
        return this.begin(this.buffers.view(reader))
      case Tag.arrayBuffer:
        return this.begin(this.buffers.arrayBuffer(reader))
      case Tag.ndArray:
        return this.#ndArray()
      case Tag.instance:
        return decodeInstance(this)
      default:
        return this.#live(tag)
    }
  }

  /** What is code, or stands for something that is here already. */
  #live(tag: number): unknown {
    switch (tag) {
      case Tag.function:
      case Tag.class:
        return decodeFunction(this)
      case Tag.bound:
        return decodeBound(this)
      case Tag.require:
        return decodeRequire(this)
      case Tag.cell: {
        const cell = this.begin(new Cell(undefined))
        cell.$ = this.value()
        return cell
      }
      case Tag.intrinsic: {
        const path = this.text()
        const value = intrinsicAt(path)
        if (value === undefined) throw malformed(`${JSON.stringify(path.slice(0, 80))} is no standard object`)
        return this.begin(value)
      }
      case Tag.import:
        return this.begin(importedValue(this.realm, this.text(), this.text()))
      case Tag.reference:
        return this.begin(this.realm.lookup(this.text()))
      default:
        throw malformed(`${tag} is no kind of value`)
    }
  }

  /** Text that must be there. */
  text(): string {
    const tag = this.reader.byte()
    if (tag === Tag.ascii) return this.reader.ascii()
    if (tag === Tag.utf16) return this.reader.utf16()
    throw malformed('text was expected')
  }

  key(): string {
    const number = this.reader.count()
    if (number === 0) {
      const key = this.text()
      this.#keys.push(key)
      return key
    }
    const key = this.#keys[number - 1]
    if (key === undefined) throw malformed('a key that is not there')
    return key
  }

  /** Own properties, written by `encodeProperties`; `__proto__` is a property like others. */
  properties<T extends object>(object: T): T {
    const counts = this.reader.count()
    const count = Math.floor(counts / 2)
    if (count > this.reader.left) throw malformed('it announces more than it holds')
    for (let i = 0; i < count; i++) {
      const key = this.key()
      const value = this.value()
      if (key === '__proto__') define(object, key, value)
      else (object as Record<string, unknown>)[key] = value
    }
    if (counts % 2 === 1) {
      for (let left = this.reader.countOf(2); left > 0; left--) {
        const symbol = this.value()
        if (typeof symbol !== 'symbol') throw malformed('a symbol was expected')
        define(object, symbol, this.value())
      }
    }
    return object
  }

  #ref(): unknown {
    const id = this.reader.count()
    if (id >= this.#objects.length) throw malformed('it refers to an object that is not there')
    return this.#objects[id]
  }

  #bigint(): bigint {
    const negative = this.reader.byte() === 1
    const hex = Buffer.from(this.reader.raw(this.reader.countOf(1)))
      .reverse()
      .toString('hex')
    const magnitude = this.#made(() => BigInt(hex === '' ? 0 : `0x${hex}`))
    return negative ? -magnitude : magnitude
  }

  #array(): unknown[] {
    const length = this.reader.countOf(1)
    const array = this.begin<unknown[]>([])
    for (let i = 0; i < length; i++) array.push(this.value())
    return array
  }

  #sparseArray(): unknown[] {
    const length = this.reader.count()
    if (length > 2 ** 32 - 1) throw malformed('an array is too long')
    const array = this.begin<unknown[]>([])
    // Setting it takes no memory, unless what follows says so.
    array.length = length
    return this.properties(array)
  }

  #packed<T>(Packed: { new (buffer: ArrayBuffer): T; readonly BYTES_PER_ELEMENT: number }): T {
    const bytes = Packed.BYTES_PER_ELEMENT
    const raw = this.reader.raw(this.reader.countOf(bytes) * bytes)
    const copy = new Uint8Array(raw.length)
    copy.set(raw)
    return new Packed(copy.buffer)
  }

  #map(): Map<unknown, unknown> {
    const size = this.reader.countOf(2)
    const map = this.begin(new Map<unknown, unknown>())
    for (let i = 0; i < size; i++) {
      const key = this.value()
      map.set(key, this.value())
    }
    return map
  }

  #set(): Set<unknown> {
    const size = this.reader.countOf(1)
    const set = this.begin(new Set<unknown>())
    for (let i = 0; i < size; i++) set.add(this.value())
    return set
  }

  #regExp(): RegExp {
    const source = this.text()
    const flags = this.text()
    const expression = this.#made(() => new RegExp(source, flags))
    this.begin(expression)
    const lastIndex = this.value()
    expression.lastIndex = typeof lastIndex === 'number' ? lastIndex : 0
    return expression
  }

  #boxed(): object {
    const id = this.reserve()
    const box: unknown = Object(this.value())
    this.settle(id, box)
    return box as object
  }

  /** Whatever the bytes claim, its constructor checks that type, shape and data belong together. */
  #ndArray(): NDArray {
    const id = this.reserve()
    const dtype = this.text() as DType
    const shape: number[] = []
    for (let axes = this.reader.countOf(1); axes > 0; axes--) shape.push(this.reader.count())
    const data = this.value() as TypedArray
    const array = this.#made(() => new NDArray(data, shape, { dtype }))
    this.settle(id, array)
    return array
  }

  #made<T>(make: () => T): T {
    try {
      return make()
    } catch (cause) {
      throw malformed(cause instanceof Error ? cause.message : 'a value cannot be made', cause)
    }
  }
}

/** `Array.from` goes through an iterator, and takes several times as long. */
function numbersOf(packed: Float64Array | Int32Array): number[] {
  const numbers: number[] = []
  for (let i = 0; i < packed.length; i++) numbers.push(packed[i] as number)
  return numbers
}

/** Sets an own property without asking setters or prototypes. */
export function define(object: object, key: string | symbol, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
