import { describe, expect, it } from 'vitest'
import { NDArray } from '../../../src/base/nd-array.ts'
import { Op } from '../../../src/mpi/op.ts'
import { PREDEFINED } from '../../../src/mpi/operations.ts'

describe('Op.apply', () => {
  it('combines arrays element by element, and keeps their kind', () => {
    expect(PREDEFINED.SUM.apply([1, 2], [3, 4])).toEqual([4, 6])
    expect(PREDEFINED.MAX.apply(Int8Array.of(1, 5), Int8Array.of(3, 4))).toEqual(Int8Array.of(3, 5))
    const sum = PREDEFINED.SUM.apply(
      new NDArray(Float32Array.of(1, 2), [1, 2]),
      new NDArray(Float32Array.of(1, 1), [1, 2]),
    )
    expect(sum).toEqual(new NDArray(Float32Array.of(2, 3), [1, 2]))
    expect(PREDEFINED.SUM.apply('a', 'b')).toBe('ab')
    expect(PREDEFINED.BXOR.apply(6n, 3n)).toBe(5n)
  })

  it('refuses arrays of different lengths', () => {
    expect(() => PREDEFINED.SUM.apply([1], [1, 2])).toThrow('SUM of arrays with 1 and 2 elements')
  })

  it('finds the smallest index of equal values', () => {
    expect(PREDEFINED.MINLOC.apply([1, 3], [1, 2])).toEqual([1, 2])
    expect(PREDEFINED.MAXLOC.apply([1, 2], [1, 3])).toEqual([1, 2])
  })

  it('is only made of functions', () => {
    expect(() => Op.create('sum' as never)).toThrow('a function of two elements')
  })
})
