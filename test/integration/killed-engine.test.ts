import process from 'node:process'
import { Cluster } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killStorm } from '../support/kill-storm.ts'
import { seeded } from '../unit/controller/state/seeded.ts'

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

describe('eight engines that are killed again and again', () => {
  it('lose none of 10,000 tasks to 50 kills, and give none twice or wrongly', async () => {
    await using cluster = await Cluster.start({ n: 8, timeout: 60 })
    await using rc = await cluster.connect()
    const storm = await killStorm(rc, { tasks: 10_000, kills: 50, window: 400, random: seeded(7) })
    expect(storm).toMatchObject({ kills: 50, answered: 10_000, right: 10_000, again: 0, failures: [] })
    await rc.waitForEngines(8, { timeout: 30 })
  }, 120_000)
})
