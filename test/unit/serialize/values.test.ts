import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packValue, unpackValue } from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

const realm = engineRealm()

function throughWire<T>(value: T): T {
  return unpackValue(packValue(value), realm) as T
}

class Point {
  x: number
  y: number
  constructor(x: number, y: number) {
    this.x = x
    this.y = y
  }
  get norm(): number {
    return Math.hypot(this.x, this.y)
  }
}

class Failure extends Error {
  readonly code = 'E_FAILURE'
  override readonly name = 'Failure'
}

describe('packValue and unpackValue', () => {
  it.each([
    ['numbers', [0, 127, 128, -1, 2 ** 31, -(2 ** 40), 1.5, Number.MAX_VALUE, Number.NaN, Infinity, -0]],
    [
      'packed numbers',
      [
        [1, 2, 3, 4, 5],
        [1.5, -0, Number.NaN, 3, 4],
        [2 ** 40, 1, 2, 3],
      ],
    ],
    ['texts', ['', 'a', 'ä€😀', '\ud800', 'x'.repeat(5000), 'ü'.repeat(5000)]],
    ['bigints', [0n, 1n, -1n, 255n, 2n ** 200n, -(2n ** 200n)]],
    ['nothing', [null, undefined, true, false]],
    ['symbols', [Symbol.iterator, Symbol.asyncIterator, Symbol.for('here')]],
    ['dates', [new Date(0), new Date(2 ** 42)]],
    ['regular expressions', [/a(b)/giu, /\//]],
    ['boxed primitives', [Object(1), Object('text'), Object(true), Object(5n)]],
    ['collections', [new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'b'])]]), new Set([new Map()])]],
    ['objects', [{}, { a: { b: { c: [1, { d: 2 }] } } }, Object.create(null), [[], [[]]]]],
    ['addresses', [new URL('https://a.b/c?d=e#f'), new URLSearchParams('a=1&a=2')]],
    [
      'bytes',
      [
        Buffer.from('text'),
        new Uint8Array(3),
        new Uint8ClampedArray([300]),
        new DataView(new ArrayBuffer(4)),
      ],
    ],
    [
      'typed arrays',
      [new Float32Array([1.5]), new BigInt64Array([-1n]), new Int16Array([-5]), new Float64Array(300)],
    ],
    ['array buffers', [new ArrayBuffer(3), new ArrayBuffer(5000)]],
  ])('keep %s', (_what, value) => {
    const back = throughWire(value)
    expect(isDeepStrictEqual(back, value)).toBe(true)
  })

  it('keep whatever JSON-like values there are', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
          withBoxedValues: true,
        }),
        value => {
          expect(isDeepStrictEqual(throughWire(value), value)).toBe(true)
        },
      ),
      { numRuns: 500, seed: 20 },
    )
  })

  it('keep holes, and properties of arrays', () => {
    const holes = new Array<number>(5)
    holes[2] = 1
    expect(1 in throughWire(holes)).toBe(false)
    const match = throughWire(/b(?<c>.)/.exec('abc')!)
    expect([match.index, match.groups?.c, match[0]]).toEqual([1, 'c', 'bc'])
    const long = new Array<number>(1000).fill(1)
    delete long[500]
    expect(500 in throughWire(long)).toBe(false)
  })

  it('keep cycles and shared references', () => {
    const shared = { n: 1 }
    const value: Record<string, unknown> = { a: shared, b: [shared], m: new Map([[shared, shared]]) }
    value.self = value
    const back = throughWire(value)
    expect(back.self).toBe(back)
    expect((back.b as unknown[])[0]).toBe(back.a)
    expect([...(back.m as Map<unknown, unknown>)][0]).toEqual([back.a, back.a])
    expect((back.m as Map<unknown, unknown>).has(back.a)).toBe(true)
  })

  it('keep an own property called __proto__ without setting a prototype', () => {
    const back = throughWire(JSON.parse('{"__proto__": {"polluted": true}}') as object)
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(Object.hasOwn(back, '__proto__')).toBe(true)
    expect('polluted' in back).toBe(false)
  })

  it('keep instances, with their class once', () => {
    const [a, b] = throughWire([new Point(3, 4), new Point(0, 0)] as const)
    expect(a.norm).toBe(5)
    expect(a.constructor).toBe(b.constructor)
    expect(Object.keys(a)).toEqual(['x', 'y'])
  })

  it('keep subclasses of what the language has', () => {
    class Names extends Map<string, number> {
      label = 'names'
      total(): number {
        return [...this.values()].reduce((sum, n) => sum + n, 0)
      }
    }
    class Stack extends Array<number> {
      get top(): number | undefined {
        return this.at(-1)
      }
    }
    const names = throughWire(
      new Names([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect([names.total(), names.label, names.size]).toEqual([3, 'names', 2])
    const stack = throughWire(Stack.from([1, 2, 3]) as Stack)
    expect([stack.top, stack.length, Array.isArray(stack)]).toEqual([3, 3, true])
  })

  it('keep errors: code, cause, own properties, parts and names of subclasses', () => {
    const error = Object.assign(new TypeError('bad', { cause: new RangeError('deep') }), {
      code: 'E_BAD',
      at: { n: 1 },
    })
    const back = throughWire(error)
    expect(back).toBeInstanceOf(TypeError)
    expect(back).toMatchObject({ message: 'bad', code: 'E_BAD', at: { n: 1 }, stack: error.stack })
    expect(back.cause).toMatchObject({ name: 'RangeError', message: 'deep' })
    const many = throughWire(new AggregateError([new Error('one'), 2], 'all'))
    expect(many.errors).toEqual([new Error('one'), 2])
    const failure = throughWire(new Failure('own'))
    expect([failure.name, failure.code, failure.constructor.name]).toEqual([
      'Failure',
      'E_FAILURE',
      'Failure',
    ])
  })

  it('keep what node throws', () => {
    const controller = new AbortController()
    controller.abort()
    expect(throughWire(controller.signal.reason as Error)).toMatchObject({ name: 'AbortError' })
    const cyclic = new Error('round')
    cyclic.cause = cyclic
    const back = throughWire(cyclic)
    expect(back.cause).toBe(back)
  })

  it('leave out what an error drags along and cannot travel', () => {
    const error = Object.assign(new Error('lost'), { socket: new WeakMap(), host: 'there' })
    expect(throughWire(error)).toMatchObject({ message: 'lost', host: 'there' })
    expect('socket' in throughWire(error)).toBe(false)
  })
})

describe('unpackValue', () => {
  it('never calls a setter or constructor of the class of an instance', () => {
    const calls: string[] = []
    Reflect.set(globalThis, 'itsparallelCalls', calls)
    class Trap {
      constructor(value: number) {
        calls.push('constructor')
        Object.defineProperty(this, 'x', { value, enumerable: true })
      }
      set x(_value: number) {
        ;(Reflect.get(globalThis, 'itsparallelCalls') as string[]).push('setter')
      }
    }
    const trap = new Trap(1)
    calls.length = 0
    expect(Object.entries(throughWire(trap))).toEqual([['x', 1]])
    expect(calls).toEqual([])
  })
})

describe('a symbol of a process', () => {
  it('is one symbol wherever it goes, and itself when it comes back', () => {
    const mine = Symbol('mine')
    const other = Symbol('mine')
    const data = throughWire({ [mine]: 1, list: [mine, other, Symbol()] })
    expect(data).toEqual({ [mine]: 1, list: [mine, other, expect.any(Symbol)] })
    expect(data.list[2]!.description).toBeUndefined()
  })
})
