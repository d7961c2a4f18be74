import { describe, expect, it } from 'vitest'
import { controllerHost, countKindsByHost } from '../../../src/cluster/ssh-settings.ts'

describe('controllerHost', () => {
  it.each([
    [{ controllerHost: 'node0' }, 'node0'],
    [{ controllerHost: 'me@node0' }, 'me@node0'],
    [{ controllerHost: 'me@node0', controllerUser: 'you' }, 'you@node0'],
  ])('of %j', (settings, host) => {
    expect(controllerHost(settings)).toBe(host)
  })
})

describe('countKindsByHost', () => {
  const asObjects = (hosts: string[] | Record<string, number>, ...ns: (number | undefined)[]) =>
    countKindsByHost({ hosts }, ns).map(counts => Object.fromEntries(counts))

  it('shares each kind among the hosts of a list', () => {
    expect(asObjects(['a', 'b'], 3, 1)).toEqual([{ a: 2, b: 1 }, { a: 1 }])
    expect(asObjects(['a', 'b'], undefined)).toEqual([{ a: 1, b: 1 }])
  })

  it('fills the places that hosts have', () => {
    expect(asObjects({ a: 2, b: 2 }, 1, 3)).toEqual([{ a: 1 }, { a: 1, b: 2 }])
    expect(asObjects({ a: 2, b: 2 }, undefined)).toEqual([{ a: 2, b: 2 }])
  })

  it('refuses hosts that contradict the numbers, and no hosts at all', () => {
    expect(() => asObjects({ a: 2 }, 1, 2)).toThrow('the hosts have 2 engines, but n is 3')
    expect(() => asObjects([], 1)).toThrow('engines over ssh need hosts')
  })
})
