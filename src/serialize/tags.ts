/**
 * The bytes of our own format, version 1. A value is one tag byte and what it announces; 0x80 to 0xff are the small
 * integers 0 to 127 themselves. Objects are numbered in the order in which they begin, so that a later REF can name
 * one; keys of objects likewise. Numbers called "count" are unsigned LEB128.
 */

/** First byte of a payload. Never 0x80, which begins a pickle. */
export const MAGIC = 0x49

/** What a payload is: its second byte. */
export const Kind = { value: 1, functionCall: 2, operationCall: 3, referenceCall: 4 } as const

/** Array buffers and function definitions from this size on travel as frames of their own. */
export const OUT_OF_BAND_BYTES_MIN = 1024

export const Tag = {
  null: 0,
  undefined: 1,
  true: 2,
  false: 3,
  /** zigzag count */
  integer: 4,
  double: 5,
  /** count of bytes, one byte a character */
  ascii: 6,
  /** count of characters, two bytes a character */
  utf16: 7,
  /** sign byte, count of bytes, magnitude little-endian */
  bigint: 8,
  /** name */
  wellKnownSymbol: 9,
  registeredSymbol: 10,
  /** number of an object that began earlier */
  ref: 11,
  /** count, then that many values */
  array: 12,
  /** length, own properties; holes are not among them */
  sparseArray: 13,
  /** count, then 8 bytes each */
  doubles: 14,
  /** count, then 4 bytes each */
  integers: 15,
  /** own properties */
  object: 16,
  nullObject: 17,
  /** count, then key and value each */
  map: 18,
  set: 19,
  date: 20,
  /** source, flags */
  regExp: 21,
  /** the primitive */
  boxed: 22,
  url: 23,
  urlSearchParams: 24,
  /** see encode-error.ts */
  error: 25,
  /** view type, offset, length, buffer */
  view: 26,
  arrayBuffer: 27,
  /** class or prototype, then the object with its own properties */
  instance: 28,
  /** see encode-function.ts */
  function: 29,
  class: 30,
  bound: 31,
  /** path of a standard object, such as Math.max */
  intrinsic: 32,
  /** specifier, exported name, `*` for the whole */
  import: 33,
  /** file whose `require` it is */
  require: 34,
  /** name in the engine's namespace */
  reference: 35,
  /** a name that no other symbol has, description */
  ownSymbol: 36,
  /** a variable that several functions share */
  cell: 37,
  /** element type, count of axes and their lengths, the typed array */
  ndArray: 38,
} as const

export const SMALL_INTEGER = 0x80

/** How the bytes of an array buffer travel. */
export const BufferForm = { ref: 0, inline: 1, frame: 2 } as const

/** How a function definition travels. */
export const DefinitionForm = { ref: 0, inline: 1, frame: 2 } as const

/** Views by their number on the wire. */
export const VIEW_TYPES = [
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const

/** Number of node's Buffer, which is a Uint8Array with another prototype. */
export const BUFFER_VIEW = VIEW_TYPES.length
