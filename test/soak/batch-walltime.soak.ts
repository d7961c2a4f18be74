import process from 'node:process'
import { Cluster } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { hasSlurm, type SlurmSystem, startSlurm } from '../support/batch/slurm.ts'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'

/** Slurm counts times in minutes, and looks at them twice a minute. */
const WALLTIME_S = 60
const TEST_MS = 300_000

const present = hasSlurm()
if (!present && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
  throw new Error('slurm-wlm and munge must be there, as root, and every test is required to run')

describe.skipIf(!present)(
  `a job of Slurm${present ? '' : ' (skipped: needs slurm-wlm and munge, and root)'}`,
  () => {
    let system: SlurmSystem
    let world: ClusterWorld
    beforeAll(async () => {
      system = await startSlurm()
      world = new ClusterWorld()
      vi.stubEnv('IPYTHONDIR', world.ipythonDir)
      for (const [name, value] of Object.entries(system.env)) vi.stubEnv(name, value)
    }, 60_000)
    afterAll(async () => {
      vi.unstubAllEnvs()
      await world?.close()
      await system?.close()
    }, 30_000)

    it(
      'whose time is up is told as that, and its engine is replaced',
      async () => {
        const warnings: string[] = []
        const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
        const cluster = await Cluster.start({ n: 1, engines: 'slurm', log, batch: { walltime: WALLTIME_S } })
        const rc = await cluster.connect()
        await new Promise<void>(resolve => {
          rc.on('engine:registered', () => resolve())
        })
        expect(warnings[0]).toMatch(/engine 0 .*TIMEOUT.*; another takes its place/)
        await rc.close()
        await cluster.stop()
        await eventually(() => system.queue().length === 0, 15_000, 'the queue is empty')
        await eventually(() => world.processes().length === 0)
      },
      TEST_MS,
    )
  },
)
