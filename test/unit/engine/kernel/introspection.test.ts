import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Introspection } from '../../../../src/engine/kernel/introspection.ts'
import { Namespace } from '../../../../src/engine/namespace.ts'

const namespace = new Namespace()
const introspection = new Introspection(namespace)
let ran = 0

class Wave {
  speed = 3
  get amplitude(): number {
    ran += 1
    return 1
  }
  step(dt: number): number {
    return dt * this.speed
  }
}

beforeAll(() => {
  namespace.set('waves', { first: new Wave(), 'not-a-name': 1, fifth: 5 })
  namespace.set('wavelength', 12)
  namespace.set('simulate', (beta: number) => beta)
  const getPrototypeOf = (): null => {
    ran += 1
    return null
  }
  namespace.set('trap', new Proxy({}, { getPrototypeOf }))
})

afterAll(() => namespace.clear())

const completeAtEnd = (code: string) => introspection.complete(code, code.length)

describe('Introspection.complete', () => {
  it('knows the names of the namespace, of the language, and keywords', () => {
    expect(completeAtEnd('1 + wave')).toEqual({ matches: ['waves', 'wavelength'], start: 4, end: 8 })
    expect(completeAtEnd('structuredC').matches).toEqual(['structuredClone'])
    expect(completeAtEnd('inst').matches).toEqual(['instanceof'])
  })

  it('knows members, those of prototypes included', () => {
    expect(completeAtEnd('waves.fi').matches).toEqual(['fifth', 'first'])
    expect(completeAtEnd('waves.first.s').matches).toEqual(['speed', 'step'])
    expect(completeAtEnd('waves?.first.amp').matches).toEqual(['amplitude'])
    expect(completeAtEnd('wavelength.toF').matches).toEqual(['toFixed'])
    expect(completeAtEnd('waves.').matches).not.toContain('not-a-name')
  })

  it('completes before the cursor, wherever that is', () => {
    expect(introspection.complete('waves.fi + 1', 8)).toEqual({
      matches: ['fifth', 'first'],
      start: 6,
      end: 8,
    })
  })

  it('says nothing where it would have to run something', () => {
    for (const code of ['simulate(1).', '1.', 'waves.first.amplitude.', 'nothing.', 'trap.'])
      expect([code, completeAtEnd(code).matches]).toEqual([code, []])
    expect(ran).toBe(0)
  })
})

describe('Introspection.describe', () => {
  it('shows the source of functions and classes', () => {
    expect(introspection.describe('simulate', 3)).toBe('simulate: function\n(beta) => beta')
  })

  it('finds the call that the cursor stands in', () => {
    expect(introspection.describe('simulate(2 * (1 + 3), ', 22)).toContain('simulate: function')
  })

  it('shows values with their type', () => {
    expect(introspection.describe('waves.first', 9)).toBe('waves.first: Wave\nWave { speed: 3 }')
    expect(introspection.describe('wavelength', 0)).toBe('wavelength: number\n12')
  })

  it('knows nothing of what is not there', () => {
    expect(introspection.describe('nothing', 2)).toBeUndefined()
    expect(introspection.describe('', 0)).toBeUndefined()
  })
})
