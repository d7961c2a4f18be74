import { describe, expect, it } from 'vitest'
import {
  type Dependency,
  isMet,
  isUnreachable,
  type Outcome,
  readDependency,
} from '../../../../src/controller/state/dependency.ts'

const outcomes: Readonly<Record<string, Outcome>> = { ok: 'ok', ok2: 'ok', bad: 'failed', now: 'pending' }
const outcomeOf = (id: string): Outcome => outcomes[id] ?? 'unseen'
const on = (ids: string[], conditions: object = {}): Dependency =>
  readDependency({ dependencies: ids, ...conditions }) as Dependency

describe('dependency (51)', () => {
  it.each([
    ['all ended well', on(['ok', 'ok2']), true, false],
    ['one still runs', on(['ok', 'now']), false, false],
    ['one failed', on(['ok', 'bad']), false, true],
    ['any: one ended well', on(['ok', 'now'], { all: false }), true, false],
    ['any: one failed, one runs', on(['bad', 'now'], { all: false }), false, false],
    ['any: all failed', on(['bad'], { all: false }), false, true],
    ['failure: one failed', on(['bad'], { success: false, failure: true }), true, false],
    ['failure: it ended well', on(['ok'], { success: false, failure: true }), false, true],
    ['either: both ended', on(['ok', 'bad'], { failure: true }), true, false],
  ] as const)('%s', (_name, dependency, met, unreachable) => {
    expect(isMet(dependency, outcomeOf)).toBe(met)
    expect(isUnreachable(dependency, outcomeOf)).toBe(unreachable)
  })

  it.each([
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['an empty list', [], undefined],
    ['an empty object', { dependencies: [] }, undefined],
    ['one id', 'a', { ids: ['a'], all: true, success: true, failure: false }],
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
