import { Cluster, UsageError } from 'itsparallel'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/cluster-world.ts'
import { worldForEach } from '../support/world-for-each.ts'

worldForEach()

describe('Cluster.scale', () => {
  it('adds what is missing, and ends first what has nothing to do', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    await cluster.scale(3)
    await using rc = await cluster.connect()
    expect(rc.ids).toEqual([0, 1, 2])
    const busy = rc.at(2).apply(() => new Promise(() => {}))
    while ((await rc.queueStatus())[2]!.queue === 0) await new Promise(setImmediate)
    await cluster.scale(1)
    await eventually(() => rc.ids.join() === '2')
    await Promise.all([cluster.scale(2), cluster.scale(0)])
    await expect(busy).rejects.toThrow()
    await eventually(() => rc.ids.length === 0)
    await cluster.scale(1)
    await eventually(() => rc.ids.length === 1)
  })

  it('refuses what is no number of engines', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    await expect(cluster.scale(-1)).rejects.toThrow(UsageError)
    await expect(cluster.scale(1.5)).rejects.toThrow(UsageError)
    expect(() => cluster.adapt({ min: 3, max: 2 })).toThrow('cannot keep between 3 and 2 engines')
  })
})

describe('Cluster.adapt', () => {
  it('adds engines while tasks wait for them, and ends them when there is nothing to do', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    await using rc = await cluster.connect()
    const adaptation = cluster.adapt({ min: 1, max: 3, wait: 0.2, idle: 0.5 })
    const most = new Promise<void>(resolve => {
      rc.on('engine:registered', () => {
        if (rc.ids.length === 3) resolve()
      })
    })
    const tasks = Array.from({ length: 12 }, (_, i) =>
      rc.loadBalancedView().apply(async i => {
        await new Promise(resolve => setTimeout(resolve, 400))
        return i
      }, i),
    )
    await most
    expect(await Promise.all(tasks)).toEqual(Array.from({ length: 12 }, (_, i) => i))
    await eventually(() => rc.ids.length === 1)
    adaptation.stop()
  })

  it('ends no engine that has a direct request or a broadcast under way', async () => {
    await using cluster = await Cluster.start({ n: 3 })
    await using rc = await cluster.connect()
    const wait = (ms: number) => new Promise<string>(resolve => setTimeout(() => resolve('done'), ms))
    const direct = rc.at(1).apply(wait, 2500)
    const broadcast = rc.broadcastView([2]).apply(wait, 2500)
    while ((await rc.queueStatus())[2]!.queue === 0) await new Promise(setImmediate)
    using _ = cluster.adapt({ min: 0, max: 3, idle: 0.2 })
    await eventually(() => rc.ids.join() === '1,2')
    expect(await direct).toBe('done')
    expect(await broadcast).toEqual(['done'])
    await eventually(() => rc.ids.length === 0)
  })
})
