import { SerializationError } from '../errors.ts'
import type { Frame } from '../transport/socket.ts'
import { encodeArrayBuffer, encodeView, type OutOfBand } from './array-buffers.ts'
import { ByteWriter } from './byte-writer.ts'
import { CapturedParts } from './captured-parts.ts'
import { SharedVariables } from './cell.ts'
import type { Definition } from './definition.ts'
import { encodeFunction } from './encode-function.ts'
import { encodeObject } from './encode-object.ts'
import { releaseInspected } from './inspector.ts'
import { ModuleList } from './module-list.ts'
import { Path } from './path.ts'
import { encodeSymbol } from './symbols.ts'
import { Kind, MAGIC, SMALL_INTEGER, Tag } from './tags.ts'

/** Where an encoder stood, to go back to when a part turns out not to travel. */
export interface Mark {
  readonly position: number
  readonly objects: number
  readonly keys: number
  readonly buffers: number
  readonly frames: number
  readonly definitions: number
  readonly firstDefinition: Definition | undefined
  readonly depth: number
}

/** Frame count and import table are written when all else is known; this is the room left for them. */
export const HEAD_BYTES = 2
/** More frames than one byte can count are announced as this, and counted at the end of the head. */
export const MANY_FRAMES = 0xff

/** Writes one payload after the other. Not reentrant: what is encoded meanwhile needs another encoder. */
export class Encoder {
  readonly out = new ByteWriter()
  readonly path = new Path()
  /** Frames that follow the head: definitions, and array buffers whose extent is known at the end. */
  readonly frames: (Frame | OutOfBand)[] = []
  readonly buffers: OutOfBand[] = []
  #variables: SharedVariables | undefined
  /** The first object is kept apart: most payloads have no other, and a map costs more than all the rest of them. */
  #first: object | undefined
  readonly #ids = new Map<object, number>()
  readonly #keyIds = new Map<string, number>()
  #firstDefinition: Definition | undefined
  readonly #definitionIds = new Map<Definition, number>()
  readonly modules = new ModuleList()
  /** What functions capture, for calls only: replies come once. */
  readonly #captured = new CapturedParts()
  /** A call, and not a reply. */
  isCall = false

  begin(kind: (typeof Kind)[keyof typeof Kind]): void {
    const { out } = this
    this.isCall = kind !== Kind.value
    out.position = 0
    out.byte(MAGIC)
    out.byte(kind)
    out.position += HEAD_BYTES
  }

  value(value: unknown): void {
    const { out } = this
    switch (typeof value) {
      case 'number':
        this.number(value)
        return
      case 'string':
        out.text(value, Tag.ascii, Tag.utf16)
        return
      case 'boolean':
        out.byte(value ? Tag.true : Tag.false)
        return
      case 'undefined':
        out.byte(Tag.undefined)
        return
      case 'bigint':
        this.#bigint(value)
        return
      case 'symbol':
        encodeSymbol(this, value)
        return
      case 'function':
        if (!this.known(value)) encodeFunction(this, value as (...args: never[]) => unknown)
        return
      default:
        if (value === null) out.byte(Tag.null)
        else if (!this.known(value as object)) encodeObject(this, value as object)
    }
  }

  number(value: number): void {
    const { out } = this
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= 0 && value < 0x80) {
        out.byte(SMALL_INTEGER | value)
        return
      }
      out.byte(Tag.integer)
      out.count(value < 0 ? -2 * value - 1 : 2 * value)
      return
    }
    out.byte(Tag.double)
    out.double(value)
  }

  #bigint(value: bigint): void {
    const { out } = this
    out.byte(Tag.bigint)
    out.byte(value < 0n ? 1 : 0)
    const hex = (value < 0n ? -value : value).toString(16)
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').reverse()
    out.count(bytes.length)
    out.raw(bytes)
  }

  /** Writes a REF when the object began earlier; otherwise numbers it and answers false. */
  known(value: object): boolean {
    if (this.#first === undefined) {
      this.#first = value
      return false
    }
    const id = value === this.#first ? 0 : this.#ids.get(value)
    if (id === undefined) {
      this.#ids.set(value, this.#ids.size + 1)
      return false
    }
    this.out.byte(Tag.ref)
    this.out.count(id)
    return true
  }

  /** A key of an object: its number if it was written before. */
  key(key: string): void {
    const id = this.#keyIds.get(key)
    if (id !== undefined) {
      this.out.count(id + 1)
      return
    }
    this.#keyIds.set(key, this.#keyIds.size)
    this.out.byte(0)
    this.out.text(key, Tag.ascii, Tag.utf16)
  }

  /** Text that is no value: with its tag, but never a reference. */
  text(text: string): void {
    this.out.text(text, Tag.ascii, Tag.utf16)
  }

  /** Variables that functions of this payload share. */
  get variables(): SharedVariables {
    this.#variables ??= new SharedVariables()
    return this.#variables
  }

  view(view: ArrayBufferView): void {
    encodeView(this, view)
  }

  arrayBuffer(buffer: ArrayBuffer): void {
    this.out.byte(Tag.arrayBuffer)
    encodeArrayBuffer(this, buffer)
  }

  /** Number of a definition in this payload, or undefined the first time. */
  definitionId(definition: Definition): number | undefined {
    if (this.#firstDefinition === undefined) {
      this.#firstDefinition = definition
      return undefined
    }
    const id = definition === this.#firstDefinition ? 0 : this.#definitionIds.get(definition)
    if (id === undefined) this.#definitionIds.set(definition, this.#definitionIds.size + 1)
    return id
  }

  /** A variable that functions of one text capture was written from there on. */
  noteRange(start: number, definition: Definition, name: string): void {
    if (this.isCall) this.#captured.addRange(start, this.out.position, definition, name)
  }

  /** Frames from there on belong to a function, not to its arguments. */
  noteFrames(first: number): void {
    if (this.isCall) this.#captured.addFrames(this.frames, first)
  }

  mark(): Mark {
    return {
      position: this.out.position,
      objects: this.#ids.size,
      keys: this.#keyIds.size,
      buffers: this.buffers.length,
      frames: this.frames.length,
      definitions: this.#definitionIds.size,
      firstDefinition: this.#firstDefinition,
      depth: this.path.depth,
    }
  }

  /** Forgets everything since `mark`. */
  rollback(mark: Mark): void {
    this.out.position = mark.position
    forgetAfter(this.#ids, mark.objects)
    forgetAfter(this.#keyIds, mark.keys)
    forgetAfter(this.#definitionIds, mark.definitions)
    this.#firstDefinition = mark.firstDefinition
    this.buffers.length = mark.buffers
    this.frames.length = mark.frames
    this.#captured.forgetFrom(mark.position)
    this.path.depth = mark.depth
  }

  /** Writes a part that may be left out: false, and nothing written, when it cannot travel. */
  attempt(write: () => void): boolean {
    const mark = this.mark()
    try {
      write()
      return true
    } catch (error) {
      if (!(error instanceof SerializationError)) throw error
      this.rollback(mark)
      return false
    }
  }

  /** The payload. */
  finish(): Frame[] {
    const { out, frames } = this
    const headAt = 2
    if (!this.modules.isEmpty) {
      const bundles = this.modules.bundles()
      this.#captured.addBundles(bundles)
      frames.unshift(this.modules.frame(), ...bundles)
      out.bytes[headAt + 1] = 1
    } else out.bytes[headAt + 1] = 0
    if (frames.length >= MANY_FRAMES) {
      out.bytes[headAt] = MANY_FRAMES
      out.double(frames.length)
    } else out.bytes[headAt] = frames.length
    if (frames.length === 0 && this.#captured.isEmpty) return [out.take()]
    const rest = frames.map(frame => (Buffer.isBuffer(frame) ? frame : frame.close(out)))
    const whole = [out.take(), ...rest]
    return this.#captured.isEmpty ? whole : this.#captured.withhold(whole, frames)
  }

  /** Lets go of everything it saw. */
  reset(): void {
    this.out.reset()
    this.path.depth = 0
    this.#variables = undefined
    this.#captured.clear()
    releaseInspected()
    if (this.frames.length > 0) this.frames.length = 0
    if (this.buffers.length > 0) this.buffers.length = 0
    this.modules.clear()
    this.#first = undefined
    this.#firstDefinition = undefined
    if (this.#ids.size > 0) this.#ids.clear()
    if (this.#keyIds.size > 0) this.#keyIds.clear()
    if (this.#definitionIds.size > 0) this.#definitionIds.clear()
  }
}

/** Drops all but the first `size` entries. */
function forgetAfter<Key>(map: Map<Key, number>, size: number): void {
  if (map.size === size) return
  for (const key of [...map.keys()].slice(size)) map.delete(key)
}
