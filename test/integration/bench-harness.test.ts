import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { measureWorkload } from '../../bench/harness.ts'
import { type Command, type PeerName, roster } from '../../bench/roster.ts'
import { perSecond, type Workload } from '../../bench/workload.ts'

const serve = fileURLToPath(new URL('../../bench/serve.ts', import.meta.url))

/** A peer whose answers are `body`, a function of the count. */
function peer(body: string): Command {
  const source = `import { serve } from ${JSON.stringify(serve)}
    await serve('1.0', { tasks: ${body} }, async () => {})`
  return { file: process.execPath, args: ['--import', 'tsx', '--input-type=module', '-e', source] }
}

const workload: Workload = {
  name: 'tasks',
  title: '',
  unit: 'tasks/s',
  engines: 2,
  rounds: 3,
  shares: { itsparallel: { count: 100 }, dask: { count: 10, rounds: 2 } },
  figure: perSecond,
  goals: [],
}

/** Measures the workload on ourselves and on dask, both played by the given programs. */
function measure(ours: Command, theirs: Command) {
  const names: PeerName[] = ['itsparallel', 'dask', 'piscina']
  return measureWorkload(workload, names, { ...roster, itsparallel: ours, dask: theirs })
}

const steady = peer('async count => [count / 1000]')

describe('measureWorkload', () => {
  it('takes the median of as many rounds as a peer has', async () => {
    const uneven = peer(`(() => { let round = 0; return async count => [count / [10, 30, 20][round++]] })()`)
    const figures = await measure(uneven, steady)
    expect(figures.map(({ peer, value, rounds }) => ({ peer, value, rounds }))).toEqual([
      { peer: 'itsparallel', value: 20, rounds: [10, 30, 20] },
      { peer: 'dask', value: 1000, rounds: [1000, 1000] },
    ])
  })

  it('reports a program that is not there as missing', async () => {
    const figures = await measure(steady, { file: '/no/such/python', args: [] })
    expect(figures.map(({ value, missing }) => [value, missing])).toEqual([
      [1000, undefined],
      [undefined, expect.stringContaining('ENOENT')],
    ])
  })

  it('gives no figure to a peer that fails half way', async () => {
    const failing = peer(
      `(() => { let n = 0; return async () => { if (n++ === 1) throw new Error('no more'); return [1] } })()`,
    )
    const [, theirs] = await measure(steady, failing)
    expect(theirs).toMatchObject({ rounds: [10], failed: 'Error: no more' })
    expect(theirs).not.toHaveProperty('value')
  })

  it('survives a peer that dies, and says what it said last', async () => {
    const dying = peer(`async () => { console.error('out of memory'); process.exit(9) }`)
    const [ours, theirs] = await measure(steady, dying)
    expect(ours!.value).toBe(1000)
    expect(theirs!.failed).toMatch(/process ended: out of memory/)
  })
})
