import { describe, expect, it } from 'vitest'
import { History } from '../../../../src/engine/kernel/history.ts'

describe('History', () => {
  const history = new History()
  for (const [at, code] of ['a = 1', 'b = 2', 'a = 1', 'f(a, b)'].entries()) history.add(at + 1, code)
  const inputs = (content: Record<string, unknown>) => history.answer(content).map(([, , input]) => input)

  it('gives the last lines', () => {
    expect(history.answer({ hist_access_type: 'tail', n: 1 })).toEqual([[0, 4, 'f(a, b)']])
  })

  it('gives a range of lines, without its end', () => {
    expect(inputs({ hist_access_type: 'range', start: 2, stop: 4 })).toEqual(['b = 2', 'a = 1'])
  })

  it('searches by pattern, each input once where that is asked', () => {
    expect(inputs({ hist_access_type: 'search', pattern: '? = *' })).toEqual(['a = 1', 'b = 2', 'a = 1'])
    expect(inputs({ hist_access_type: 'search', pattern: '*a*', unique: true })).toEqual(['a = 1', 'f(a, b)'])
    expect(inputs({ hist_access_type: 'search', pattern: 'f(a*' })).toEqual(['f(a, b)'])
  })

  it('forgets what is long ago', () => {
    const long = new History()
    for (let line = 1; line <= 1500; line++) long.add(line, `x${line}`)
    expect(long.answer({})).toHaveLength(1000)
    expect(long.answer({}).at(0)).toEqual([0, 501, 'x501'])
  })
})
