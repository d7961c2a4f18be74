import vm from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { Namespace } from '../../../src/engine/namespace.ts'
import { UsageError } from '../../../src/errors.ts'

const namespace = new Namespace()

afterEach(() => namespace.clear())

describe('Namespace', () => {
  it('sets names that plain scripts see', () => {
    const data = new Float64Array(1_000_000)
    namespace.set('data', data)
    expect(vm.runInThisContext('data')).toBe(data)
    expect(namespace.lookup('data')).toBe(data)
  })

  it('looks up names however they were made', () => {
    vm.runInThisContext('implicit = 1; var declared = 2; const lexical = 3')
    expect(['implicit', 'declared', 'lexical'].map(name => namespace.lookup(name))).toEqual([1, 2, 3])
    expect(namespace.lookup('implicit + declared')).toBe(3)
  })

  it('throws a ReferenceError for a name that is not there', () => {
    expect(() => namespace.lookup('nowhere')).toThrow(new ReferenceError('nowhere is not defined'))
    namespace.set('gone', 1)
    expect(namespace.delete('gone')).toBe(true)
    expect(namespace.delete('gone')).toBe(false)
    expect(() => namespace.lookup('gone')).toThrow(ReferenceError)
  })

  it('does not take prototypes for names', () => {
    expect(() => namespace.set('__proto__', { polluted: 1 })).not.toThrow()
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(globalThis)).not.toHaveProperty('polluted')
  })

  it('refuses what is no name', () => {
    for (const name of ['a-b', '1x', '', 'a b', 'undefined', 'NaN'])
      expect(() => namespace.set(name, 1)).toThrow(UsageError)
    expect(() => namespace.set('größe_$1', 1)).not.toThrow()
  })

  it('clears the names of the user, and restores those of Node', () => {
    const own = globalThis.setTimeout
    namespace.set('mine', 1)
    namespace.set('setTimeout', 2)
    expect(namespace.names()).toContain('mine')
    namespace.clear()
    expect(namespace.names()).toEqual([])
    expect(() => namespace.lookup('mine')).toThrow(ReferenceError)
    expect(globalThis.setTimeout).toBe(own)
  })
})
