/** Engines of both languages in one cluster, all at work for one client at once. */

import { Cluster, python } from 'itsparallel'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

/** Of each language. All of them start in some 20 s on two cores. */
const EACH = 16

describeNeeds('a cluster of both languages', ['ipyparallel', 'numpy'], () => {
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

  it(`serves one client with ${EACH} Python and ${EACH} TypeScript engines at once`, {
    timeout: 300_000,
  }, async () => {
    const cluster = await Cluster.start({ engines: { python: EACH, node: EACH }, timeout: 250 })
    const rc = await cluster.connect()
    const languages = rc.engines.map(({ language }) => language)
    expect(languages.filter(language => language === 'python')).toHaveLength(EACH)
    expect(languages.filter(language => language === 'javascript')).toHaveLength(EACH)

    const all = rc.directView()
    const numbers = Float64Array.from({ length: 64_000 }, (_, i) => i)
    await all.scatter('part', numbers)
    const inputs = Array.from({ length: 400 }, (_, i) => i)
    const [gathered, pythonSums, nodeSums, pythonSquares, nodeSquares, pids] = await Promise.all([
      all.gather('part'),
      rc.directView({ language: 'python' }).pull<number>('float(part.sum())'),
      rc.directView({ language: 'javascript' }).pull<number>('part.reduce((a, b) => a + b, 0)'),
      rc
        .loadBalancedView({ language: 'python' })
        .map(python.source<number>('def square(x): return x * x'), inputs),
      rc.loadBalancedView().map((x: number) => x * x, inputs),
      rc.directView({ language: 'python' }).apply(python<number>('os:getpid')),
    ])
    expect(gathered).toEqual(numbers)
    expect([...pythonSums, ...nodeSums].reduce((a, b) => a + b)).toBe((63_999 * 64_000) / 2)
    expect(pythonSquares).toEqual(inputs.map(x => x * x))
    expect(nodeSquares).toEqual(inputs.map(x => x * x))
    expect(new Set(pids).size).toBe(EACH)
    await rc.close()
    await cluster.stop()
  })
})
