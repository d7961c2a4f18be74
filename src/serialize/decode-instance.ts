import { malformed } from './byte-reader.ts'
import { type Decoder, define } from './decoder.ts'
import { Tag } from './tags.ts'

/** Tags of what an instance can be at bottom. */
const BASES = new Set<number>([
  Tag.object,
  Tag.array,
  Tag.sparseArray,
  Tag.doubles,
  Tag.integers,
  Tag.map,
  Tag.set,
  Tag.date,
  Tag.regExp,
  Tag.boxed,
  Tag.url,
  Tag.urlSearchParams,
  Tag.error,
  Tag.view,
  Tag.arrayBuffer,
  Tag.ndArray,
])

/** Reads an instance: its data, then its class, whose constructor is not called. */
export function decodeInstance(decoder: Decoder): object {
  const tag = decoder.reader.byte()
  if (!BASES.has(tag)) throw malformed('an instance of what has no instances')
  const object = tag === Tag.object ? decoder.begin({}) : (decoder.tagged(tag) as object)
  const isClass = decoder.reader.byte() === 1
  const origin = decoder.value()
  const prototype: unknown = isClass && typeof origin === 'function' ? origin.prototype : origin
  // Collected first: a setter of the class must not be called, nor a property be hidden by the class's.
  const own = decoder.properties(Object.create(null) as Record<string | symbol, unknown>)
  if (typeof prototype !== 'object') throw malformed('an instance without a class')
  for (const key of Reflect.ownKeys(own)) define(object, key, own[key])
  try {
    return Object.setPrototypeOf(object, prototype) as object
  } catch (cause) {
    throw malformed('an instance whose class descends from itself', cause)
  }
}
