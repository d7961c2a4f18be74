import { expect, it } from 'vitest'
import { RemoteProtocolError } from '../../../src/errors.ts'
import {
  type Call,
  packCall,
  type SentOnce,
  unpackCall,
  type WithheldParts,
  withheldFrom,
} from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

/** What an engine has, and what it was asked for. */
class Parts implements WithheldParts {
  readonly kept = new Map<string, Buffer>()
  readonly asked: string[] = []

  constructor(parts: readonly SentOnce[] = []) {
    for (const { digest, bytes } of parts) this.kept.set(digest, bytes)
  }

  get(digest: string): Buffer | undefined {
    return this.kept.get(digest)
  }

  fetch(digests: readonly string[]): Promise<readonly Buffer[]> {
    this.asked.push(...digests)
    return Promise.reject(new Error('not to be had'))
  }
}

function run(frames: readonly Buffer[], parts: WithheldParts): unknown {
  const call = unpackCall(frames, { ...engineRealm(), withheldParts: parts }) as Call
  return (call.callee as (...args: unknown[]) => unknown)(...call.args)
}

const bytesOf = (frames: readonly Buffer[]): number => frames.reduce((sum, frame) => sum + frame.length, 0)

it('packCall carries a large captured array whole at first, and its digest from then on', () => {
  const samples = new Float64Array(50_000).fill(0.5)
  const read = (i: number): number => samples[i]!
  expect(bytesOf(packCall(read, [1]))).toBeGreaterThan(400_000)
  const frames = packCall(read, [2])
  expect(bytesOf(frames)).toBeLessThan(2000)
  expect(run(frames, new Parts(withheldFrom(frames)))).toBe(0.5)
})

it('packCall withholds what is large in the head, whatever small things are captured beside it', () => {
  const table = Array.from({ length: 20_000 }, (_, i) => `entry ${i}`)
  const reader = (offset: number) => (i: number) => table[i + offset]
  packCall(reader(0), [1])
  const frames = packCall(reader(5), [2])
  expect(bytesOf(frames)).toBeLessThan(2000)
  expect(run(frames, new Parts(withheldFrom(frames)))).toBe('entry 7')
})

it('packCall leaves arguments, and what replies hold, as they are', () => {
  const samples = new Float64Array(50_000)
  const length = (each: Float64Array): number => each.length
  packCall(length, [samples])
  const frames = packCall(length, [samples])
  expect(withheldFrom(frames)).toBeUndefined()
  expect(run(frames, new Parts())).toBe(50_000)
})

it('packCall sends a captured value that has changed, and it is not changed by what comes later', () => {
  const samples = new Int32Array(50_000)
  const first = (): number => samples[0]!
  const calls = [0, 0, 1, 1, 1, 2].map(value => {
    samples[0] = value
    return packCall(first, [])
  })
  samples[0] = 9
  expect(calls.map(frames => run(frames, new Parts(withheldFrom(frames))))).toEqual([0, 0, 1, 1, 1, 2])
})

it('unpackCall gives each task its own copy of a withheld part', () => {
  const samples = new Int32Array(50_000)
  const count = (): number => ++samples[0]!
  packCall(count, [])
  const frames = packCall(count, [])
  const parts = new Parts(withheldFrom(frames))
  expect([run(frames, parts), run(frames, parts)]).toEqual([1, 1])
})

it('unpackCall asks for what is not there, each part once', async () => {
  const samples = new Int32Array(50_000)
  const first = (): number => samples[0]!
  packCall(first, [])
  const frames = packCall(first, [])
  const parts = new Parts()
  await expect(
    Promise.resolve(unpackCall(frames, { ...engineRealm(), withheldParts: parts })),
  ).rejects.toThrow('not to be had')
  expect(parts.asked).toEqual(withheldFrom(frames)!.map(part => part.digest))
})

it('unpackCall refuses lists of withheld parts that do not fit', () => {
  const samples = new Int32Array(50_000)
  const table = Array.from({ length: 20_000 }, (_, i) => `entry ${i}`)
  const both = (): unknown => [samples[0], table[0]]
  packCall(both, [])
  const frames = packCall(both, [])
  const parts = new Parts(withheldFrom(frames))
  const list = JSON.parse(String(frames.at(-1))) as [number, string, number][]
  const change = (entries: unknown): Buffer[] => [
    ...frames.slice(0, -1),
    Buffer.from(JSON.stringify(entries)),
  ]
  const [inHead, inFrames] = list as [[number, string, number], [number, string, number]]
  expect(run(frames, parts)).toEqual([0, 'entry 0'])
  for (const wrong of [
    {},
    [1],
    [[1]],
    [[inHead[0], inHead[1], 7], inFrames],
    [[1e9, inHead[1], inHead[2]], inFrames],
    [[-5, inHead[1], inHead[2]], inFrames],
    [[inHead[0], 7, inHead[2]], inFrames],
    [inHead, inHead, inFrames],
    [inHead],
    [],
  ])
    expect(() => run(change(wrong), parts), JSON.stringify(wrong)).toThrow(RemoteProtocolError)
  expect(() => unpackCall(frames, engineRealm())).toThrow(RemoteProtocolError)
})
