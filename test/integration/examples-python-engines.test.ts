import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'
import { runExample } from '../support/run-example.ts'

describeNeeds('examples/python-engines', ['ipyparallel', 'numpy'], () => {
  beforeAll(() => {
    vi.stubEnv('ITSPARALLEL_PYTHON', DEBIAN_PYTHON)
  })
  afterAll(() => {
    vi.unstubAllEnvs()
  })

  it('norms.ts computes with NumPy, beside an engine of ours', { timeout: 60_000 }, async () => {
    const stdout = await runExample('python-engines/norms.ts')
    expect(stdout.replace(/\[engines .*\]/, '[engines]')).toBe(
      `
[ 'javascript', 'python', 'python' ]
norm: [ 5, 5 ]
by rows: [ Float64Array(2) [ 5, 10 ], Float64Array(2) [ 5, 10 ] ]
mapped: [ 101, 104, 109, 116 ]
gathered: Float64Array(6) [ 10, 20, 30, 40, 50, 60 ]
CompositeError: 2 of the apply's parts failed:
  2 × KeyError: 'key' [engines]
true
`.trimStart(),
    )
  })
})
