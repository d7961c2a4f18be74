import { expect, it } from 'vitest'
import { ReadBuffer } from '../../../src/transport/read-buffer.ts'

it('ReadBuffer puts reads behind one another, and never over one that was taken', () => {
  const buffer = new ReadBuffer()
  const taken: Buffer[] = []
  for (let i = 0; i < 100; i++) {
    const place = buffer.next(undefined)
    expect(place.length).toBeGreaterThanOrEqual(16_384)
    place.fill(i, 0, 5000)
    taken.push(buffer.take(5000)!)
  }
  expect(taken.every((bytes, i) => bytes.length === 5000 && bytes.every(byte => byte === i))).toBe(true)
})

it('ReadBuffer reads into the frame where there is one', () => {
  const buffer = new ReadBuffer()
  const hole = Buffer.alloc(100_000)
  expect(buffer.next(hole)).toBe(hole)
  expect(buffer.take(7)).toBeUndefined()
  expect(buffer.next(undefined)).toHaveLength(65_536)
})
