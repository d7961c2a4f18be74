import { NDArray } from '../base/nd-array.ts'
import { UsageError } from '../errors.ts'
import type { Distribution } from './partition.ts'

/** @throws UsageError for an array of a single element, which has no rows. */
export function checkRows(array: NDArray): void {
  if (array.ndim === 0)
    throw new UsageError(
      'an NDArray without axes holds one element and cannot be cut: give it an axis with array.reshape(1)',
    )
}

/** A copy of rows `first`, `first + step`, … */
export function everyNthRow(array: NDArray, first: number, step: number): NDArray {
  const length = Math.max(0, Math.ceil((array.length - first) / step))
  const piece = NDArray.zeros([length, ...array.shape.slice(1)], array.dtype)
  for (let i = 0; i < length; i++) copyRow(array, first + i * step, piece, i)
  return piece
}

/** Whether arrays differ in the number of their rows only. */
export function haveLikeRows(arrays: readonly NDArray[]): boolean {
  const kind = (array: NDArray) => `${array.ndim} ${array.dtype} ${array.shape.slice(1).join()}`
  const [first] = arrays
  return first !== undefined && first.ndim > 0 && arrays.every(array => kind(array) === kind(first))
}

/** One array with all rows of arrays that have like rows. */
export function joinRows(arrays: readonly NDArray[], dist: Distribution): NDArray {
  const rows = arrays.reduce((sum, array) => sum + array.length, 0)
  const joined = NDArray.zeros([rows, ...arrays[0]!.shape.slice(1)], arrays[0]!.dtype)
  if (dist === 'b') {
    let at = 0
    for (const { data } of arrays) {
      setNumbers(joined, data, at)
      at += data.length
    }
    return joined
  }
  const longest = Math.max(...arrays.map(array => array.length))
  let row = 0
  for (let i = 0; i < longest; i++)
    for (const array of arrays) if (i < array.length) copyRow(array, i, joined, row++)
  return joined
}

function copyRow(from: NDArray, fromRow: number, to: NDArray, toRow: number): void {
  setNumbers(to, from.rows(fromRow, fromRow + 1).data, (toRow * to.data.length) / to.length)
}

/** Both are of one element type, which the types cannot know. */
function setNumbers(to: NDArray, numbers: NDArray['data'], at: number): void {
  ;(to.data as Float64Array).set(numbers as Float64Array, at)
}
