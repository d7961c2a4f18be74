import { describe, expect, it } from 'vitest'
import { Namespace } from '../../../src/engine/namespace.ts'
import { engineOperations } from '../../../src/engine/operations.ts'

const namespace = new Namespace()
const operations = engineOperations(namespace, () => undefined)

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
})
