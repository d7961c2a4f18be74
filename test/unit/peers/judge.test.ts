import { describe, expect, it } from 'vitest'
import { judge, passedAlone } from '../../peers/judge.ts'

const table = (passes: number, failures: string): string => `
  test_joblib rc=0 3 passed in 7.10s
module                   tests  pass  fail  skip xfail     sec
test_joblib                  3     ${passes}     0     0     0     7.0
TOTAL                        3     ${passes}     0     0     0     7.0
${failures}`

describe('judge', () => {
  it('is content with as many passes as the original has', () => {
    expect(judge(table(3, ''), ['test_joblib'])).toEqual({ complaints: [], excused: [], unsteady: [] })
  })

  it('complains of passes that are missing, of failures, and of modules without a result', () => {
    const said = table(2, '\nfailed:\n  test_joblib::test_register_backend  ValueError: no\n')
    expect(judge(said, ['test_joblib', 'test_view']).complaints).toEqual([
      'test_joblib::test_register_backend failed: ValueError: no',
      'test_joblib: 2 tests passed, and 3 do with the original',
      'test_view left no result',
    ])
  })

  it('wants unsteady tests that have failed to be run again', () => {
    const failed = '\nfailed:\n  test_magics::test_cellpx_stream  AssertionError\n'
    const said = table(12, failed).replaceAll('test_joblib ', 'test_magics ')
    expect(judge(said, ['test_magics'])).toMatchObject({
      complaints: [],
      unsteady: [{ test: 'test_magics::test_cellpx_stream' }],
    })
    expect(passedAlone(said)).toBe(false)
    expect(passedAlone(table(3, '').replaceAll(' 3 ', ' 1 '))).toBe(true)
  })

  it('excuses what has a reason, and names it', () => {
    const { complaints, excused } = judge(table(3, '\nfailed:\n  test_client::test_become_dask  x\n'), [])
    expect(complaints).toEqual([])
    expect(excused).toMatchObject([{ test: 'test_client::test_become_dask' }])
  })
})
