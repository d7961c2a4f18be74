import { describe, expect, it } from 'vitest'
import { describeEngines, describeView } from '../../../src/client/describe-engines.ts'

describe('describeEngines', () => {
  it.each([
    [[], 'no engine'],
    [[3], 'engine 3'],
    [[0, 1], 'engines 0, 1'],
    [[0, 1, 2, 3, 7], 'engines 0–3, 7'],
    [[5, 4, 3], 'engines 5, 4, 3'],
  ])('writes %j as %s', (ids, text) => {
    expect(describeEngines(ids)).toBe(text)
  })
})

describe('describeView', () => {
  it('tells live targets from those that were chosen', () => {
    expect(describeView('DirectView', 'all', [0, 1])).toBe('<DirectView of all: engines 0, 1>')
    expect(describeView('DirectView', [0, 1], [0, 1])).toBe('<DirectView of engines 0, 1>')
  })
})
