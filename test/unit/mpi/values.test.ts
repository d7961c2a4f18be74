import { describe, expect, it } from 'vitest'
import { bytesToValue, valueToBytes } from '../../../src/mpi/values.ts'

describe('valueToBytes and bytesToValue', () => {
  it.each([
    [undefined],
    [{ a: [1, 'two', 3n], b: new Map([[{}, new Date(0)]]) }],
    [Float64Array.from({ length: 5000 }, (_, i) => i)],
  ])('carry %s as one piece', value => {
    expect(bytesToValue(Buffer.from(valueToBytes(value)))).toEqual(value)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['numbers', Buffer.from(Float64Array.of(1, 2, 3).buffer)],
    ['a value cut short', Buffer.from(valueToBytes('text')).subarray(0, 10)],
  ])('refuse %s', (_, bytes) => {
    expect(() => bytesToValue(bytes)).toThrow('belong together')
  })
})
