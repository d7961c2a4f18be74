import { describe, expect, it } from 'vitest'
import { Namespace } from '../../../src/engine/namespace.ts'
import { ElementFailure, engineOperations } from '../../../src/engine/operations.ts'

const namespace = new Namespace()
const operations = engineOperations(namespace)

function call(name: string, ...args: unknown[]): unknown {
  return (operations.get(name) as (...args: unknown[]) => unknown)(...args)
}

describe('engineOperations', () => {
  it('pushes, pulls, lists, deletes and clears names', () => {
    call('push', { a: 1, b: 2 })
    expect(call('pull', 'a')).toBe(1)
    expect(call('pull', ['a', 'b', 'a + b'])).toEqual([1, 2, 3])
    expect(call('names')).toEqual(['a', 'b'])
    expect(call('delete', ['a', 'nowhere'])).toBe(1)
    expect(() => call('pull', ['a'])).toThrow(new ReferenceError('a is not defined'))
    call('clear')
    expect(call('names')).toEqual([])
  })

  it('maps to the length of the shortest column', () => {
    const add = (x: number, y: number): number => x + y
    expect(call('map', add, [[1, 2, 3], { range: { start: 10, end: 12 } }])).toEqual([11, 13])
    expect(call('map', (x: number) => x, [{ range: { start: 0, end: 10, step: 4 } }])).toEqual([0, 4, 8])
    expect(call('map', (x: number) => x, [[]])).toEqual([])
    expect(call('map', (x: number) => x, [new Float32Array([1, 2])])).toEqual([1, 2])
  })

  it('maps async functions one after the other', async () => {
    let running = 0
    const fn = async (x: number): Promise<number> => {
      running += 1
      expect(running).toBe(1)
      await null
      running -= 1
      return x * 2
    }
    expect(await call('map', fn, [[1, 2, 3]])).toEqual([2, 4, 6])
  })

  it('names the element that failed', async () => {
    const fail = (x: number): number => {
      if (x === 3) throw new Error('three')
      return x
    }
    expect(() => call('map', fail, [[1, 3]])).toThrow(ElementFailure)
    await expect(call('map', async (x: number) => fail(x), [[1, 3]])).rejects.toMatchObject({ index: 1 })
  })
})
