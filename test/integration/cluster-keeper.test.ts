/** The keeper with engines that do not behave. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { clusterPlan, enginePlan } from '../../src/cluster/cluster-options.ts'
import { Keeper } from '../../src/cluster/keeper.ts'
import type { KeeperPlan } from '../../src/cluster/keeper-plan.ts'
import type { LaunchNews } from '../../src/cluster/state/launch-events.ts'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { worldForEach } from '../support/world-for-each.ts'

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

function expectNothingLeft(): void {
  expect(world.processes()).toEqual([])
  expect(world.files().filter(file => file !== 'stand-in.mjs')).toEqual([])
}

/** A cluster of one engine whose program is `source`; it may import the real one, whose path is `process.argv[2]`. */
function planWith(source: string, timeout?: number): KeeperPlan {
  const path = join(world.ipythonDir, 'stand-in.mjs')
  writeFileSync(path, source)
  const plan = clusterPlan({ n: 1, timeout })
  const set = plan.engines.sets[0]!
  const program = { ...set.program, args: [path, ...set.program.args] }
  return { ...plan, engines: { sets: [{ ...set, program }] } }
}

describe('Keeper', () => {
  it('gives up replacing an engine when three in a row die before they have registered', async () => {
    const flag = join(world.ipythonDir, 'fail-from-now-on')
    const source = `
      import { existsSync } from 'node:fs'
      if (existsSync(${JSON.stringify(flag)})) { console.error('no more'); process.exit(9) }
      process.argv.splice(1, 1)
      await import(process.argv[1])`
    const news: LaunchNews[] = []
    const keeper = new Keeper(planWith(source), { onNews: one => news.push(one) })
    await keeper.start()
    writeFileSync(flag, '')
    process.kill(keeper.engines[0]!.pid, 'SIGKILL')
    const deaths = () => news.filter(one => one.type === 'engine_died')
    await eventually(() => deaths().length === 4)
    expect(deaths().map(death => death.isReplaced)).toEqual([true, true, true, false])
    expect(deaths()[3]!.end).toMatchObject({ exitCode: 9, output: 'no more' })
    expect(keeper.isRunning).toBe(true)
    await keeper.stop()
    expect(world.processes()).toEqual([])
  })

  it('fails a start in time whose engines never register, and ends engines that will not', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`
    const keeper = new Keeper(planWith(stubborn, 1))
    const began = performance.now()
    await expect(keeper.start()).rejects.toThrow('0 of 1 engines registered within 1 s')
    expect(performance.now() - began).toBeLessThan(6000)
    expectNothingLeft()
  })

  it('leaves a cluster alone that another one keeps', async () => {
    const first = new Keeper(clusterPlan({ n: 1 }))
    await first.start()
    const files = world.files()
    await expect(new Keeper(clusterPlan({ n: 1 })).start()).rejects.toThrow(
      /already running on profile default/,
    )
    expect(world.files()).toEqual(files)
    expect(first.isRunning).toBe(true)
    await first.stop()
    expectNothingLeft()
  })

  it('of engines alone ends when the controller they joined is gone', async () => {
    const cluster = new Keeper(clusterPlan({ n: 1 }))
    await cluster.start()
    const engines = new Keeper(enginePlan({ n: 1, engineArgs: ['--controller-timeout=0.5'] }))
    await engines.start()
    expect(engines.engines.map(engine => engine.id)).toEqual([1])
    await cluster.stop()
    await engines.ended
    expectNothingLeft()
  })

  it('ends at once when it is told to by force', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`
    const keeper = new Keeper(planWith(stubborn))
    const started = keeper.start()
    const failed = expect(started).rejects.toThrow(/stopped before it was up/)
    await eventually(() => world.processes().length === 2)
    await keeper.kill()
    await failed
    expectNothingLeft()
  })
})
