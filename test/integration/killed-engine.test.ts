import process from 'node:process'
import { Cluster } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('a load-balanced view', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await Cluster.start({ n: 4 })
  })
  afterAll(() => cluster.stop())

  it('delivers every result once and right when one of four engines is killed in the middle', async () => {
    await using rc = await cluster.connect()
    const pids = await rc.directView().apply(() => process.pid)
    expect(new Set(pids).size).toBe(4)
    const victim = pids[1]!

    const delivered = new Map<number, number>()
    const tasks = Array.from({ length: 2000 }, (_, i) => {
      const task = rc.loadBalancedView().apply((x: number) => {
        const until = performance.now() + 1
        while (performance.now() < until);
        return x * x
      }, i)
      task.then(value => {
        expect(value).toBe(i * i)
        delivered.set(i, (delivered.get(i) ?? 0) + 1)
      })
      return task
    })

    const gone = new Promise<void>(resolve => rc.on('engine:unregistered', () => resolve()))
    await Promise.all(tasks.slice(0, 500))
    process.kill(victim, 'SIGKILL')
    await gone

    expect(await Promise.all(tasks)).toEqual(Array.from({ length: 2000 }, (_, i) => i * i))
    expect(delivered.size).toBe(2000)
    expect([...delivered.values()].every(times => times === 1)).toBe(true)
  })
})
