import type * as crypto from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { Signer } from '../../../src/protocol/signature.ts'

const compared = vi.hoisted((): [string, string][] => [])

vi.mock('node:crypto', async importOriginal => {
  const original = await importOriginal<typeof crypto>()
  const timingSafeEqual = (a: Buffer, b: Buffer): boolean => {
    compared.push([a.toString('latin1'), b.toString('latin1')])
    return original.timingSafeEqual(a, b)
  }
  return { ...original, timingSafeEqual }
})

it('Signer.verify compares all of a signature in constant time, wherever it differs', () => {
  const signer = new Signer('a key')
  const parts = ['header', 'parent', 'metadata', 'content'].map(text => Buffer.from(text))
  const [header, parent, metadata, content] = parts as [Buffer, Buffer, Buffer, Buffer]
  const right = signer.sign(header, parent, metadata, content)
  expect(signer.verify(Buffer.from(right), header, parent, metadata, content)).toBe(true)
  for (let at = 0; at < right.length; at++) {
    const wrong = Buffer.from(right)
    wrong[at]! ^= 1
    expect(signer.verify(wrong, header, parent, metadata, content)).toBe(false)
    expect(compared.at(-1)).toEqual([wrong.toString('latin1'), right])
  }
  expect(compared).toHaveLength(1 + right.length)
})
