import { NDArray } from '../base/nd-array.ts'
import { isTypedArray, type TypedArray } from '../base/typed-array.ts'
import { checkRows, everyNthRow, haveLikeRows, joinRows } from './nd-rows.ts'

/** How a sequence is dealt out: `'b'` in blocks, `'r'` round-robin, as cards are. */
export type Distribution = 'b' | 'r'

/** What can be cut into parts: arrays, typed arrays, strings, and whatever can be iterated (read into an array). */
export type Sequence<Element = unknown> = Iterable<Element>

/**
 * Cuts a sequence into `parts` pieces. Blocks of n elements for q parts have n div q elements, and the first n mod q of
 * them one more; there are empty pieces when there are fewer elements than parts.
 *
 * Typed arrays give typed arrays and NDArrays NDArrays, cut along their first axis (a block is a view on the same memory,
 * not a copy), strings give strings, everything else gives arrays.
 *
 * @param parts - how many pieces, at least 1.
 */
export function partition(sequence: Sequence, parts: number, dist: Distribution = 'b'): unknown[] {
  if (typeof sequence === 'string')
    return partition([...sequence], parts, dist).map(piece => (piece as string[]).join(''))
  if (sequence instanceof NDArray) return cutRows(sequence, parts, dist)
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
 * Puts pieces together again: the inverse of `partition` for arrays, typed arrays and NDArrays. Typed arrays of one kind
 * give one typed array, NDArrays with like rows one NDArray, arrays give an array. A piece that is no sequence (also a
 * string, which engines hold as a value more often than as a piece) counts as a single element.
 */
export function joinPieces(pieces: readonly unknown[], dist: Distribution = 'b'): unknown {
  if (pieces.length === 0) return []
  const arrays = pieces.filter(piece => piece instanceof NDArray)
  if (arrays.length > 0)
    return arrays.length === pieces.length && haveLikeRows(arrays) ? joinRows(arrays, dist) : [...pieces]
  const sequences = pieces.map(piece => (Array.isArray(piece) || isTypedArray(piece) ? piece : [piece]))
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

function cutRows(array: NDArray, parts: number, dist: Distribution): NDArray[] {
  checkRows(array)
  return Array.from({ length: parts }, (_, part) =>
    dist === 'b' ? array.rows(...blockBounds(array.length, part, parts)) : everyNthRow(array, part, parts),
  )
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

/** A sequence of a single element as that element; everything else as it is. */
export function flattened(piece: unknown): unknown {
  if (piece instanceof NDArray) return piece.length === 1 ? [...piece][0] : piece
  return (Array.isArray(piece) || isTypedArray(piece)) && piece.length === 1 ? piece[0] : piece
}
