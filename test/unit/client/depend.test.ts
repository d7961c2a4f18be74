import { describe, expect, expectTypeOf, it } from 'vitest'
import { depend } from '../../../src/client/depend.ts'
import { requires } from '../../../src/client/requires.ts'
import { UsageError } from '../../../src/errors.ts'

describe('depend', () => {
  it('gives a function of the same type and name', () => {
    const generic = <T>(value: T, times = 1): T[] => Array.from({ length: times }, () => value)
    const depending = depend((limit: number) => limit > 0, 1)(generic)
    expectTypeOf(depending).toEqualTypeOf<typeof generic>()
    expect(depending.name).toBe('generic')
    expect(depending('x', 2)).toEqual(['x', 'x'])
  })

  it('asks the check with its arguments before each call', () => {
    const asked: unknown[] = []
    const depending = depend((...args: unknown[]) => asked.push(args) > 0, 'a', 1)((x: number) => x * 2)
    expect([depending(1), depending(2)]).toEqual([2, 4])
    expect(asked).toEqual([
      ['a', 1],
      ['a', 1],
    ])
  })

  it('does not call the function where the check says false, at once or later', async () => {
    const never = (): never => {
      throw new Error('was called')
    }
    const refused = { name: 'UnmetDependency', message: 'the check nope said no' }
    const nope = () => false
    expect(() => depend(nope)(never)()).toThrow(expect.objectContaining(refused))
    const later = { name: 'UnmetDependency', message: 'an unnamed check said no' }
    await expect(depend(async () => false)(never)()).rejects.toMatchObject(later)
  })

  it('refuses what is no function', () => {
    // @ts-expect-error the check must be a function
    expect(() => depend('sharp')).toThrow(new UsageError('a check must be a function, and is string'))
    // @ts-expect-error what depends must be one, too
    expect(() => depend(() => true)(null)).toThrow('what depends must be a function, and is null')
    // @ts-expect-error the check must be able to say no
    depend(() => 'yes')
    // @ts-expect-error an argument of the check is missing
    depend((x: number) => x > 0)
  })
})

describe('requires', () => {
  it.each([[''], [() => {}], [{ default: 1 }], [null]])('refuses %j', need => {
    expect(() => requires(need as string)).toThrow(UsageError)
  })
})
