import { describe, expect, it } from 'vitest'
import { NDArray } from '../../../src/base/nd-array.ts'
import { RemoteProtocolError } from '../../../src/errors.ts'
import { packCall, packValue, unpackCall, unpackValue } from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

const realm = engineRealm()
const throughWire = <T>(value: T): T => unpackValue(packValue(value), realm) as T

class Image extends NDArray<Uint8Array> {
  get height(): number {
    return this.length
  }
}

describe('packValue and unpackValue of NDArrays', () => {
  it.each([
    ['of any type', new NDArray(new BigInt64Array([1n, 2n]), [2, 1])],
    ['of bools', new NDArray(new Uint8Array([1, 0]), [2], { dtype: 'bool' })],
    ['of complex numbers', new NDArray(new Float32Array([1, 2, 3, 4]), [1, 2], { dtype: 'complex64' })],
    ['that are empty', NDArray.zeros([0, 3])],
    ['without axes', new NDArray(Float64Array.of(7), [])],
    ['of clamped bytes', new NDArray(new Uint8ClampedArray([255]))],
  ])('gives arrays back %s', (_, array) => {
    const back = throughWire(array)
    expect(back).toBeInstanceOf(NDArray)
    expect([back.dtype, back.shape, back.data]).toEqual([array.dtype, array.shape, array.data])
  })

  it('takes the elements along by reference, out of band, and of a view no more than it shows', () => {
    const grid = NDArray.zeros([100, 1000])
    const [head, elements, ...rest] = packValue(grid)
    expect(rest).toEqual([])
    expect(head!.length).toBeLessThan(60)
    expect(elements!.buffer).toBe(grid.data.buffer)
    expect(packValue(grid.rows(0, 1))[1]!.length).toBe(8000)
  })

  it('keeps what is shared and what is nested', () => {
    const data = Float64Array.of(1, 2, 3, 4)
    const grid = new NDArray(data, [2, 2])
    const back = throughWire({ grid, again: [grid], data })
    expect(back.again[0]).toBe(back.grid)
    expect(back.grid.data).toBe(back.data)
  })

  it('gives instances of its subclasses', () => {
    const back = throughWire(new Image(new Uint8Array(6), [3, 2]))
    expect(back).toBeInstanceOf(NDArray)
    expect(back.constructor.name).toBe('Image')
    expect([back.height, back.shape]).toEqual([3, [3, 2]])
  })

  it('takes one to a function as argument', () => {
    const call = unpackCall(
      packCall((a: NDArray) => a.shape, [NDArray.zeros([2, 3])]),
      realm,
    )
    expect(call).toMatchObject({ args: [expect.any(NDArray)] })
  })

  it('refuses one whose shape and elements do not belong together', () => {
    const frames = packValue(new NDArray(new Uint8Array(4), [2, 2]))
    const head = Buffer.from(frames[0]!)
    const shapeAt = head.indexOf('uint8') + 'uint8'.length
    expect([...head.subarray(shapeAt, shapeAt + 3)]).toEqual([2, 2, 2])
    head[shapeAt + 1] = 100
    expect(() => unpackValue([head], realm)).toThrow(RemoteProtocolError)
  })
})
