/** Sixteen engines of each language in one cluster serve one client at once. */

import { Cluster, python } from 'itsparallel'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

const EACH = 16
const TASKS = 200
/** Python's engines take two seconds of a core each to start. */
const START_SECONDS = 200

describeNeeds('a cluster of many engines of both languages', ['ipyparallel'], () => {
  let world: ClusterWorld
  beforeEach(() => {
    world = new ClusterWorld()
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    vi.stubEnv('ITSPARALLEL_PYTHON', DEBIAN_PYTHON)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await world.close()
  })

  it('serves one client at once', { timeout: (START_SECONDS + 40) * 1000 }, async () => {
    await using cluster = await Cluster.start({
      engines: { python: EACH, node: EACH },
      timeout: START_SECONDS,
    })
    await using rc = await cluster.connect()
    expect(rc.ids).toEqual(Array.from({ length: 2 * EACH }, (_, id) => id))
    const ours = rc.directView({ language: 'javascript' })
    const theirs = rc.directView({ language: 'python' })

    const [everyone, sums, factorials] = await Promise.all([
      rc.directView().execute('x = 6 * 7'),
      ours.apply((a: number, b: number) => a + b, 40, 2),
      theirs.apply(python('math:factorial'), 5),
    ])
    expect(everyone).toHaveLength(2 * EACH)
    expect(sums).toEqual(Array(EACH).fill(42))
    expect(factorials).toEqual(Array(EACH).fill(120))
    expect(await rc.directView().pull('x')).toEqual(Array(2 * EACH).fill(42))

    const balanced = rc.loadBalancedView({ language: 'javascript' })
    const balancedTheirs = rc.loadBalancedView({ language: 'python' })
    const numbers = Array.from({ length: TASKS }, (_, n) => n)
    const [squares, roots] = await Promise.all([
      Promise.all(numbers.map(n => balanced.apply((x: number) => x * x, n))),
      Promise.all(numbers.map(n => balancedTheirs.apply(python('math:isqrt'), n * n))),
    ])
    expect(squares).toEqual(numbers.map(n => n * n))
    expect(roots).toEqual(numbers)
  })
})
