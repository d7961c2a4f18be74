import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { NDArray } from '../../../src/base/nd-array.ts'

describe('NDArray', () => {
  const grid = new NDArray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3])

  it('knows its shape, size and element type', () => {
    expect([grid.shape, grid.size, grid.ndim, grid.length, grid.dtype]).toEqual([[2, 3], 6, 2, 2, 'float64'])
    expect(new NDArray(new BigInt64Array(4)).dtype).toBe('int64')
    expect(new NDArray(new Uint8ClampedArray(4)).dtype).toBe('uint8')
    expect(inspect(grid)).toBe('NDArray(float64, [2, 3])')
  })

  it('reads elements by their indices', () => {
    expect([grid.at(0, 0), grid.at(1, 2), grid.at(-1, -2)]).toEqual([1, 6, 5])
    expect(() => grid.at(2, 0)).toThrow('index 2 is outside axis 0, whose length is 2')
    expect(() => grid.at(1)).toThrow('needs as many indices')
    expect(new NDArray(Float64Array.of(1, 2, 3, 4), [2], { dtype: 'complex128' }).at(1)).toEqual([3, 4])
  })

  it('cuts rows as views on the same memory', () => {
    const rows = grid.rows(1, 2)
    expect(rows.shape).toEqual([1, 3])
    expect([...rows.data]).toEqual([4, 5, 6])
    expect(rows.data.buffer).toBe(grid.data.buffer)
    expect(NDArray.zeros([0, 3]).rows(0, 0).shape).toEqual([0, 3])
  })

  it('takes another shape of the same size', () => {
    expect(grid.reshape(3, 2).at(2, 1)).toBe(6)
    expect(() => grid.reshape(4, 2)).toThrow(
      'the shape [4, 2] has 8 elements of type float64, and the data hold 6',
    )
  })

  it('refuses what does not fit', () => {
    expect(() => new NDArray(new Float64Array(3), [2])).toThrow('has 2 elements')
    expect(() => new NDArray(new Float64Array(3), [-3])).toThrow('whole numbers')
    expect(() => new NDArray(new Float64Array(3), [3], { dtype: 'bool' })).toThrow('lie in a Uint8Array')
    expect(() => new NDArray([1, 2] as never)).toThrow('typed array')
  })
})
