import { queryObjects } from 'node:v8'
import { expect, it } from 'vitest'
import { AsyncResult } from '../../../src/client/async-result.ts'
import { RequestRecord } from '../../../src/client/request-record.ts'
import { FakeCluster } from './fake-cluster.ts'

/** Collects garbage, and counts what is left. */
function living(): number[] {
  return [AsyncResult, RequestRecord].map(kind => queryObjects(kind, { format: 'count' }))
}

it('Client keeps nothing of tasks whose results were taken and dropped', async () => {
  const cluster = await FakeCluster.start(2)
  const rc = await cluster.connect()
  const run = async (count: number): Promise<void> => {
    const view = rc.loadBalancedView()
    const stop = new AbortController()
    const tasks = Array.from({ length: count }, (_, i) =>
      view.with(i % 2 === 0 ? {} : { signal: stop.signal }).apply((x: number) => x, i),
    )
    expect(await Promise.all(tasks)).toHaveLength(count)
    expect(await view.map((x: number) => x, Array(count).fill(1))).toHaveLength(count)
  }
  await run(10)
  const before = living()
  await run(1000)
  expect(living()).toEqual(before)
  await rc.close()
  await cluster.close()
})
