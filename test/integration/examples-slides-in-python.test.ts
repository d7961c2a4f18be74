/** The slides' programs, in Python as they stand, on a cluster of ours. */

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

const FOLDER = fileURLToPath(new URL('../../examples/slides-in-python/', import.meta.url))

const PRINTED: Readonly<Record<string, string>> = {
  direct_apply: `
engines: [0, 1, 2, 3]
processes: 4
sums: [30, 30, 30, 30]
the first is the first: True
every other one: 2
`,
  direct_execute: `
c: [50, 50, 50, 50]
printed: ['c is 50\\n', 'c is 50\\n', 'c is 50\\n', 'c is 50\\n']
an error: ZeroDivisionError division by zero
`,
  direct_dictionary: `
a: [['foo', 'bar'], ['foo', 'bar'], ['foo', 'bar'], ['foo', 'bar']]
x, y on the first: 1 2
x + y: [3, 3, 3, 3]
a name that is not there: NameError
`,
  direct_map: `
the same as in series: True
pointwise product: True
remote: [True, True, True, True]
`,
  direct_push_pull: `
a: [1.03234, 1.03234, 1.03234, 1.03234]
b of the first: 3453
both: [[1.03234, 3453], [1.03234, 3453], [1.03234, 3453], [1.03234, 3453]]
c: ['speed', 'speed', 'speed', 'speed']
the array is the same: True (500, 1000) float64
`,
  direct_scatter_gather: `
pieces: [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
gathered: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
the same as in series: True
mean: 499999.5
`,
  task_simulations: `
runs: 100
mean distance: 25.86
engines that took part: 4
the same as here: True
`,
  task_dependencies: `
compressed: 17
ran on the last engine: True
tasks: 32 edges: 40
every task began after those before it: True
after a failure: ImpossibleDependency
in the same place: True
`,
}

describeNeeds('examples/slides-in-python', ['ipyparallel', 'numpy'], () => {
  const world = new ClusterWorld()

  beforeAll(async () => {
    const start = ['start', '--n=4', '--engines=python', `--python=${DEBIAN_PYTHON}`, '--daemonize']
    const { code, stderr } = await world.run('ipcluster', start)
    expect(code, stderr).toBe(0)
  })
  afterAll(() => world.close())

  it.each(Object.keys(PRINTED))('%s prints what the slides say', { timeout: 60_000 }, async name => {
    const { code, stdout, stderr } = await world.startPython([`${FOLDER}${name}.py`]).finished
    expect(code, stderr).toBe(0)
    expect(`\n${stdout}`).toBe(PRINTED[name])
  })
})
