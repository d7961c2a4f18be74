import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NDArray } from '../../../src/base/nd-array.ts'
import { RemoteProtocolError, SerializationError } from '../../../src/errors.ts'
import {
  nodeRealm,
  packCall,
  packValue,
  type Realm,
  unpackCall,
  unpackValue,
  withheldFrom,
} from '../../../src/serialize/payload.ts'

class Point {
  x = 1
}
const scale = 3
const samples = [
  packValue([
    1,
    'text',
    { a: 1.5, b: [1, 2, 3, 4, 5] },
    new Map([[1, new Set([2])]]),
    new Date(0),
    /x/g,
    5n,
    Symbol.iterator,
  ]),
  packValue([new Point(), new Error('x', { cause: 1 }), new URL('http://a/'), Object(1), new Uint8Array(10)]),
  packValue([new Float64Array(200), new Uint8Array(2000)]),
  packValue([new NDArray(new Int16Array(6), [2, 3]), NDArray.zeros([100, 2])]),
  packValue((x: number) => x * scale),
  packCall((x: number) => x * scale, [1, 2]),
  packCall((key: symbol) => key, [Symbol('own')]),
  ...withheld(),
]

/** Reads only, and has what the samples withhold. */
const parts = new Map(
  samples.flatMap(frames => withheldFrom(frames) ?? []).map(({ digest, bytes }) => [digest, bytes]),
)
const realm: Realm = {
  ...nodeRealm,
  withheldParts: {
    get: digest => parts.get(digest),
    fetch: () => Promise.reject(new RemoteProtocolError('gone')),
  },
}

/** A call that withholds a part of its head, and one that withholds a frame. */
function withheld(): Buffer[][] {
  const text = 'text'.repeat(20_000)
  const samples = new Float64Array(10_000)
  return [() => text.length, () => samples[0]].map(read => {
    packCall(read, [])
    return packCall(read, [])
  })
}

/** Reads it both ways; anything but a value, a refusal of ours, or an error of the realm is a failure of the test. */
async function read(frames: readonly Buffer[]): Promise<void> {
  for (const unpack of [unpackValue, unpackCall]) {
    try {
      await unpack(frames, realm)
    } catch (error) {
      const expected = error instanceof RemoteProtocolError || error instanceof SerializationError
      if (!expected && !(error instanceof ReferenceError) && !(error instanceof SyntaxError)) throw error
    }
  }
}

describe('unpackValue and unpackCall', () => {
  it('survive any change of any byte', async () => {
    for (const frames of samples) {
      for (let at = 0; at < frames[0]!.length; at++) {
        for (const byte of [0, 1, 0x7f, 0x80, 0xff, frames[0]![at]! ^ 4]) {
          const head = Buffer.from(frames[0]!)
          head[at] = byte
          await read([head, ...frames.slice(1)])
        }
      }
    }
  })

  it('survive any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 4 }),
        async (bytes, kind) => {
          await read([Buffer.from([0x49, kind, 0, 0, ...bytes])])
        },
      ),
      { numRuns: 20_000, seed: 7 },
    )
  }, 60_000)

  it('survive any change of the list of what is withheld', async () => {
    for (const frames of samples.filter(each => withheldFrom(each) !== undefined)) {
      const list = frames.at(-1)!
      for (let at = 0; at < list.length; at++) {
        for (const byte of [0x20, 0x2d, 0x30, 0x39, 0x5d, 0x22]) {
          const changed = Buffer.from(list)
          changed[at] = byte
          await read([...frames.slice(0, -1), changed])
        }
      }
    }
  })

  it('survive any list of modules', async () => {
    const [head, ...rest] = packValue(() => 0)
    const flagged = Buffer.from([0x49, 1, 1, 1, ...head!.subarray(4)])
    const address = 'file:///nowhere/a.mjs?itsparallel=0123456789abcdef'
    for (const list of [
      '{}',
      '[1]',
      '[["a"]]',
      '[["a","b",1]]',
      JSON.stringify([address]),
      JSON.stringify([[address, 'b', '__proto__']]),
      JSON.stringify(['node:__proto__', '__proto__']),
    ])
      await read([flagged, Buffer.from(list), ...rest])
    expect(Object.prototype).not.toHaveProperty('a')
  })

  it('survive being cut anywhere', async () => {
    for (const frames of samples) {
      for (let length = 0; length < frames[0]!.length; length++) {
        const cut = [frames[0]!.subarray(0, length), ...frames.slice(1)]
        expect(() => unpackValue(cut, nodeRealm)).toThrow(RemoteProtocolError)
      }
      if (frames.length > 1)
        expect(() => unpackValue(frames.slice(0, -1), nodeRealm)).toThrow(RemoteProtocolError)
      expect(() => unpackValue([...frames, Buffer.alloc(1)], nodeRealm)).toThrow(RemoteProtocolError)
    }
  })

  it('take no memory for what is only announced', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0x0f]
    const before = process.memoryUsage().heapUsed
    for (const tag of [6, 7, 8, 12, 13, 14, 15, 16, 18, 19]) {
      try {
        unpackValue([Buffer.from([0x49, 1, 0, 0, tag, ...huge])], nodeRealm)
      } catch (error) {
        expect(error).toBeInstanceOf(RemoteProtocolError)
      }
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000)
  })

  it('do not overflow the stack for what is nested deeply', () => {
    const body = Buffer.concat([
      Buffer.from([0x49, 1, 0, 0]),
      Buffer.alloc(400_000, Buffer.from([12, 1])),
      Buffer.from([0]),
    ])
    expect(() => unpackValue([body], nodeRealm)).toThrow(RemoteProtocolError)
  })
})

describe('unpackValue in a guarded realm', () => {
  it('runs nothing: neither text that is no function, nor a class that runs code while it is defined', () => {
    const definition = (fields: object): Buffer[] => {
      const json = JSON.stringify({
        source: '',
        form: 'expression',
        isClass: false,
        strict: true,
        name: '',
        file: '',
        line: 0,
        column: 0,
        names: [],
        eager: 0,
        ...fields,
      })
      const bytes = Buffer.from(`12345678${json}`)
      return [Buffer.concat([Buffer.from([0x49, 1, 1, 0, 29, 0, 2])]), bytes]
    }
    const ran = (): unknown => Reflect.get(globalThis, 'itsparallelRan')
    const set = 'globalThis.itsparallelRan = 1'
    for (const fields of [
      { source: `${set}` },
      { source: `() => 0), (${set}` },
      { source: `(() => { ${set} })()` },
      { source: `[${set}]() {}`, form: 'method' },
      { source: `class { static { ${set} } }` },
      { source: `class { static x = (${set}) }` },
      { source: `class { [${set}]() {} }` },
      { source: `class extends (${set}, Object) {}` },
      { source: '() => 0', names: [`a = (${set})`] },
    ])
      expect(() => unpackValue(definition(fields), nodeRealm), JSON.stringify(fields)).toThrow()
    expect(ran()).toBeUndefined()
    expect((unpackValue(definition({ source: '() => 5' }), nodeRealm) as () => number)()).toBe(5)
  })

  it('imports nothing that this process did not name', async () => {
    const frames = packValue(() => 0)
    const head = Buffer.from([0x49, 1, 1, 1, ...frames[0]!.subarray(4)])
    const modules = Buffer.from(JSON.stringify(['data:text/javascript,globalThis.itsparallelRan = 1']))
    await expect(unpackValue([head, modules], nodeRealm)).rejects.toThrow(SerializationError)
    expect(Reflect.get(globalThis, 'itsparallelRan')).toBeUndefined()
  })
})
