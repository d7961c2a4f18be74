/** How a sequence is dealt out: `'b'` in blocks, `'r'` round-robin, as cards are. */
export type Distribution = 'b' | 'r'

/** The arrays that are scattered and gathered without becoming lists of numbers. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/** What can be cut into parts: arrays, typed arrays, strings, and whatever can be iterated (read into an array). */
export type Sequence<Element = unknown> = Iterable<Element>

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
}

/**
 * Cuts a sequence into `parts` pieces. Blocks of n elements for q parts have n div q elements, and the first n mod q of
 * them one more; there are empty pieces when there are fewer elements than parts.
 *
 * Typed arrays give typed arrays (a block is a view on the same memory, not a copy), strings give strings, everything
 * else gives arrays.
 *
 * @param parts - how many pieces, at least 1.
 */
export function partition(sequence: Sequence, parts: number, dist: Distribution = 'b'): unknown[] {
  if (typeof sequence === 'string')
    return partition([...sequence], parts, dist).map(piece => (piece as string[]).join(''))
  const whole = isTypedArray(sequence) || Array.isArray(sequence) ? sequence : Array.from(sequence)
  const pieces: unknown[] = []
  for (let part = 0; part < parts; part++)
    pieces.push(dist === 'b' ? block(whole, part, parts) : everyNth(whole, part, parts))
  return pieces
}

/** First index of a block, and of the one after it: the part `part` of `parts` over `length` elements. */
export function blockBounds(
  length: number,
  part: number,
  parts: number,
): readonly [start: number, end: number] {
  const size = Math.floor(length / parts)
  const larger = length % parts
  const start = part * size + Math.min(part, larger)
  return [start, start + size + (part < larger ? 1 : 0)]
}

/**
 * Puts pieces together again: the inverse of `partition` for arrays and typed arrays. Typed arrays of one kind give one
 * typed array, arrays give an array; pieces that are no sequences at all (also strings, which engines hold as values
 * more often than as pieces) give the array of the pieces.
 */
export function joinPieces(pieces: readonly unknown[], dist: Distribution = 'b'): unknown {
  if (pieces.length === 0) return []
  if (!pieces.every(piece => Array.isArray(piece) || isTypedArray(piece))) return [...pieces]
  const sequences = pieces as readonly (readonly unknown[] | TypedArray)[]
  const typed = sequences.filter(isTypedArray)
  const first = typed[0]
  if (
    first !== undefined &&
    typed.length === sequences.length &&
    typed.every(piece => piece.constructor === first.constructor)
  )
    return joinTyped(typed, dist)
  return dist === 'b'
    ? sequences.flatMap(piece => Array.from<unknown>(piece))
    : interleave(sequences, new Array(total(sequences)))
}

function joinTyped(pieces: readonly TypedArray[], dist: Distribution): TypedArray {
  const joined = emptyLike(pieces[0]!, total(pieces))
  if (dist === 'r') return interleave(pieces, joined)
  let at = 0
  for (const piece of pieces) {
    // All pieces are of one kind, which the types cannot know.
    ;(joined as Float64Array).set(piece as Float64Array, at)
    at += piece.length
  }
  return joined
}

function block(whole: readonly unknown[] | TypedArray, part: number, parts: number): unknown {
  const [start, end] = blockBounds(whole.length, part, parts)
  return isTypedArray(whole) ? whole.subarray(start, end) : whole.slice(start, end)
}

function everyNth(whole: readonly unknown[] | TypedArray, first: number, step: number): unknown {
  const length = Math.max(0, Math.ceil((whole.length - first) / step))
  const piece = isTypedArray(whole) ? emptyLike(whole, length) : new Array<unknown>(length)
  for (let i = 0; i < length; i++) piece[i] = whole[first + i * step] as never
  return piece
}

/** A Buffer is taken for the bytes that it is: its constructor is not one to call. */
function emptyLike(array: TypedArray, length: number): TypedArray {
  const Kind = (array instanceof Uint8Array ? Uint8Array : array.constructor) as new (
    length: number,
  ) => TypedArray
  return new Kind(length)
}

function interleave<Target extends unknown[] | TypedArray>(
  pieces: readonly (readonly unknown[] | TypedArray)[],
  target: Target,
): Target {
  const longest = Math.max(...pieces.map(piece => piece.length))
  let at = 0
  for (let row = 0; row < longest; row++)
    for (const piece of pieces) if (row < piece.length) target[at++] = piece[row] as never
  return target
}

function total(pieces: readonly { readonly length: number }[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
