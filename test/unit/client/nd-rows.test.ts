import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DType, NDArray } from '../../../src/base/nd-array.ts'
import { flattened, joinPieces, partition } from '../../../src/client/partition.ts'

const counted = (shape: readonly number[], dtype: DType = 'float64'): NDArray => {
  const array = NDArray.zeros(shape, dtype)
  array.data.forEach((_, i) => {
    array.data[i] = (typeof array.data[i] === 'bigint' ? BigInt(i) : i) as never
  })
  return array
}

describe('partition and joinPieces of NDArrays', () => {
  it('cut along the first axis, in blocks that share memory', () => {
    const grid = counted([5, 2])
    const pieces = partition(grid, 3) as NDArray[]
    expect(pieces.map(piece => piece.shape)).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ])
    expect(pieces[0]!.data.buffer).toBe(grid.data.buffer)
    expect([...pieces[2]!.data]).toEqual([8, 9])
  })

  it('cut round-robin into copies', () => {
    const pieces = partition(counted([5, 2]), 2, 'r') as NDArray[]
    expect(pieces.map(piece => [...piece.data])).toEqual([
      [0, 1, 4, 5, 8, 9],
      [2, 3, 6, 7],
    ])
  })

  it('are each other’s inverse for any shape, element type and number of parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
        fc.constantFrom<DType[]>('int8', 'uint8', 'int64', 'float32', 'bool', 'complex128'),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('b' as const, 'r' as const),
        (shape, dtype, parts, dist) => {
          const whole = counted(shape, dtype)
          const joined = joinPieces(partition(whole, parts, dist), dist) as NDArray
          expect(joined).toBeInstanceOf(NDArray)
          expect([joined.shape, joined.dtype, joined.data]).toEqual([shape, dtype, whole.data])
        },
      ),
    )
  })

  it('leave arrays alone that do not belong together, and refuse one without axes', () => {
    const odd = [counted([1, 2]), counted([1, 3])]
    expect(joinPieces(odd)).toEqual(odd)
    expect(joinPieces([counted([1]), counted([1], 'int8')])).toHaveLength(2)
    expect(() => partition(new NDArray(Float64Array.of(1), []), 2)).toThrow('without axes')
  })

  it('flattened gives a single row or element by itself', () => {
    expect((flattened(counted([1, 3])) as NDArray).shape).toEqual([3])
    expect(flattened(counted([1]))).toBe(0)
    expect((flattened(counted([2, 3])) as NDArray).shape).toEqual([2, 3])
    expect(flattened([[1, 2]])).toEqual([1, 2])
    expect(flattened('x')).toBe('x')
  })

  it('joinPieces takes what was flattened for a single element', () => {
    expect(joinPieces([[1, 2], 3, 4])).toEqual([1, 2, 3, 4])
    expect(joinPieces([[1, 4], 2, 3], 'r')).toEqual([1, 2, 3, 4])
  })
})
