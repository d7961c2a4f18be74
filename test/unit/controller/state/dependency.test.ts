import { describe, expect, it } from 'vitest'
import { readDependency } from '../../../../src/controller/state/dependency.ts'

describe('[51] readDependency', () => {
  it.each([
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['an empty list', [], undefined],
    ['an empty object', { dependencies: [] }, undefined],
    ['one id', 'a', { ids: ['a'], all: true, success: true, failure: false }],
    ['an id named twice once', ['a', 'a'], { ids: ['a'], all: true, success: true, failure: false }],
    ['a list', ['a', 'b'], { ids: ['a', 'b'], all: true, success: true, failure: false }],
  ])('reads %s', (_name, wire, expected) => {
    expect(readDependency(wire)).toEqual(expected)
  })

  it.each([
    [1],
    [[1]],
    [{}],
    [{ dependencies: 'a' }],
    [{ dependencies: ['a'], success: false, failure: false }],
  ])('says what is wrong with %j', wire => {
    expect(readDependency(wire)).toEqual(expect.stringContaining('a dependency'))
  })
})
