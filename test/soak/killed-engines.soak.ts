import { Cluster } from 'itsparallel'
import { expect, it } from 'vitest'
import { killStorm } from '../support/kill-storm.ts'
import { seeded } from '../unit/controller/state/seeded.ts'

it('500 killed engines lose none of 100,000 tasks', async () => {
  await using cluster = await Cluster.start({ n: 8, timeout: 120 })
  await using rc = await cluster.connect()
  const storm = await killStorm(rc, { tasks: 100_000, kills: 500, window: 400, random: seeded(1) })
  console.log('killed engines:', JSON.stringify(storm))
  expect(storm).toMatchObject({ kills: 500, answered: 100_000, right: 100_000, again: 0, failures: [] })
}, 1_800_000)
