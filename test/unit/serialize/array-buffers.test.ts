import { describe, expect, it } from 'vitest'
import { packValue, unpackValue } from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

const realm = engineRealm()

/** A received frame may begin anywhere in memory. */
function receivedAt(offset: number, frame: Buffer): Buffer {
  const memory = new ArrayBuffer(frame.length + offset + 5)
  const moved = Buffer.from(memory, offset, frame.length)
  frame.copy(moved)
  return moved
}

describe('array buffers', () => {
  it('travel by reference when they are large', () => {
    const array = new Float64Array(1000)
    const [head, frame, ...rest] = packValue(array)
    expect(rest).toEqual([])
    expect(head!.length).toBeLessThan(100)
    expect(frame!.buffer).toBe(array.buffer)
    array[3] = 7
    expect((unpackValue([head!, frame!], realm) as Float64Array)[3]).toBe(7)
  })

  it('are shown where they were received, when that is aligned', () => {
    const [head, frame] = packValue(new Float64Array([1, 2, 3, ...new Array<number>(200).fill(0)]))
    const aligned = receivedAt(16, frame!)
    expect((unpackValue([head!, aligned], realm) as Float64Array).buffer).toBe(aligned.buffer)
    const crooked = unpackValue([head!, receivedAt(3, frame!)], realm) as Float64Array
    expect([...crooked.subarray(0, 3)]).toEqual([1, 2, 3])
  })

  it('stay one buffer under two views, and send no more than these show', () => {
    const memory = new ArrayBuffer(1_000_000)
    const left = new Float64Array(memory, 8000, 200)
    const right = new Uint8Array(memory, 8008, 2000)
    const frames = packValue({ left, right })
    expect(frames[1]!.length).toBe(2008)
    const back = unpackValue([frames[0]!, receivedAt(1, frames[1]!)], realm) as {
      left: Float64Array
      right: Uint8Array
    }
    back.right.set(new Uint8Array(new Float64Array([42]).buffer))
    expect(back.left[1]).toBe(42)
    expect([back.left.length, back.right.length]).toEqual([200, 2000])
  })

  it('are whole where they are values themselves', () => {
    const memory = new ArrayBuffer(5000)
    const frames = packValue([new Uint8Array(memory, 10, 20), memory])
    const [view, buffer] = unpackValue([frames[0]!, receivedAt(3, frames[1]!)], realm) as [
      Uint8Array,
      ArrayBuffer,
    ]
    expect(buffer.byteLength).toBe(5000)
    expect(view.buffer).toBe(buffer)
    expect([view.byteOffset, view.length]).toEqual([10, 20])
  })

  it('of pooled Buffers leave their neighbours behind', () => {
    const frames = packValue(Buffer.from('text'))
    expect(frames).toHaveLength(1)
    expect(frames[0]!.length).toBeLessThan(20)
  })

  it('come in any number', () => {
    const arrays = Array.from({ length: 400 }, (_, i) => new Uint16Array(600).fill(i))
    const frames = packValue(arrays)
    expect(frames).toHaveLength(401)
    expect(unpackValue(frames, realm)).toEqual(arrays)
  })
})
