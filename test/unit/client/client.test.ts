import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/client.ts'
import { FakeCluster } from './fake-cluster.ts'

describe('Client', () => {
  let cluster: FakeCluster
  let rc: Client

  beforeEach(async () => {
    cluster = await FakeCluster.start(2)
    rc = await cluster.connect()
  })

  afterEach(async () => {
    await rc.close()
    await cluster.close()
  })

  it('Client.connect knows the engines that there are', () => {
    expect(rc.ids).toEqual([0, 1])
    expect(rc.length).toBe(2)
  })

  it('Client.apply works', async () => {
    expect(await rc.directView().apply((a: number, b: number) => a + b, 1, 2)).toEqual([3, 3])
    expect(await rc.at(-1).apply((a: number, b: number) => a + b, 1, 2)).toBe(3)
    expect(await rc.loadBalancedView().map((x: number) => x * x, [1, 2, 3])).toEqual([1, 4, 9])
  })
})
