import { expect, it } from 'vitest'
import { HeldParts } from '../../../src/client/held-parts.ts'
import { packCall, withheldFrom } from '../../../src/serialize/payload.ts'

it('HeldParts.answer gives what calls under way withhold, and says what is not there', () => {
  const held = new HeldParts()
  const part = { digest: 'a', bytes: Buffer.from('x') }
  held.hold('1', [part])
  held.hold('2', [part])
  held.release('1')
  expect(held.answer(['a', 'b', 7])).toEqual({
    content: { digests: ['a'], missing: ['b', 7] },
    buffers: [part.bytes],
  })
  held.release('2')
  expect(held.answer(['a']).buffers).toEqual([])
})

it('HeldParts.answer gives what was sent earlier, for calls that are submitted again', () => {
  const samples = new Float64Array(10_000)
  const first = (): number => samples[0]!
  packCall(first, [])
  const [part] = withheldFrom(packCall(first, []))!
  expect(new HeldParts().answer([part!.digest])).toEqual({
    content: { digests: [part!.digest], missing: [] },
    buffers: [part!.bytes],
  })
})
