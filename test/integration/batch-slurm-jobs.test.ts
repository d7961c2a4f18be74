/** What may happen to jobs of Slurm from outside, and who ends them when their keeper is gone. */

import process from 'node:process'
import { type Client, Cluster, type ClusterOptions } from 'itsparallel'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { answerOf } from '../support/batch/daemons.ts'
import { hasSlurm, type SlurmSystem, startSlurm } from '../support/batch/slurm.ts'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'

const isPresent = hasSlurm()
if (!isPresent && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
  throw new Error('slurm-wlm and munge must be there, as root, and every test is required to run')

describe.skipIf(!isPresent)(
  isPresent ? 'jobs of Slurm' : 'jobs of Slurm (skipped: needs slurm-wlm and munge, as root)',
  () => {
    let system: SlurmSystem
    let world: ClusterWorld
    let warnings: string[]
    beforeAll(async () => {
      system = await startSlurm()
    }, 60_000)
    afterAll(() => system?.close(), 30_000)
    beforeEach(() => {
      world = new ClusterWorld()
      warnings = []
      vi.stubEnv('IPYTHONDIR', world.ipythonDir)
      for (const [name, value] of Object.entries(system.env)) vi.stubEnv(name, value)
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await world.close()
    })

    const start = (options: ClusterOptions): Promise<Cluster> => {
      const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
      return Cluster.start({ engines: 'slurm', log, ...options })
    }

    /** Runs a command of Slurm, as a user does. */
    const slurm = (command: string, ...args: string[]): string => answerOf(command, args, process.env)

    const came = (rc: Client, n: number): Promise<void> =>
      new Promise(resolve => {
        let left = n
        rc.on('engine:registered', () => {
          left -= 1
          if (left === 0) resolve()
        })
      })

    async function expectNothingLeft(): Promise<void> {
      await eventually(() => system.queue().length === 0, 15_000, 'the queue is empty')
      await eventually(() => world.processes().length === 0)
      // Logs that have something to say stay, unless the jobs were asked to end.
      expect(world.files().filter(file => !file.endsWith('.out'))).toEqual([])
    }

    it('are replaced when somebody cancels them', async () => {
      const cluster = await start({ n: 2 })
      const rc = await cluster.connect()
      const replaced = came(rc, 2)
      slurm('scancel', '--name=ipengine')
      await replaced
      expect(warnings[0]).toMatch(
        /engine [01] (?:is gone|was ended by SIGTERM) \(job \d+(?:_[01])? of Slurm has ended: CANCELLED/,
      )
      expect(await rc.directView().apply(() => 1)).toEqual([1, 1])
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    it('are replaced when the system puts them back, which are cancelled', async () => {
      const cluster = await start({ n: 1, batch: { directives: ['--requeue'] } })
      const rc = await cluster.connect()
      const replaced = came(rc, 1)
      slurm('scontrol', 'requeue', slurm('squeue', '--noheader', '--format=%A').trim())
      await replaced
      expect(warnings[0]).toMatch(
        /engine 0 is gone \(job \d+ of Slurm has ended: it was put back into the queue/,
      )
      expect(system.queue()).toEqual([expect.stringContaining('RUNNING')])
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    it('come and go with Cluster.scale and Cluster.adapt', async () => {
      const cluster = await start({ n: 1 })
      const rc = await cluster.connect()
      await cluster.scale(3)
      expect(system.queue()).toHaveLength(3)
      await cluster.scale(1)
      await eventually(() => system.queue().length === 1, 15_000, 'one job is left')

      const many = came(rc, 2)
      const adaptation = cluster.adapt({ min: 1, max: 3, wait: 0.2, idle: 0.5 })
      const tasks = Array.from({ length: 12 }, (_, i) =>
        rc.loadBalancedView().apply(async i => {
          await new Promise(resolve => setTimeout(resolve, 500))
          return i
        }, i),
      )
      await many
      expect(await Promise.all(tasks)).toEqual(tasks.map((_, i) => i))
      await eventually(() => system.queue().length === 1, 15_000, 'one job is left')
      adaptation.stop()
      expect(rc.ids).toHaveLength(1)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    async function startKeeper() {
      const args = ['--n=2', '--engines=slurm', '--controller=slurm']
      const keeper = world.start('ipcluster', ['start', ...args], {}, 60_000)
      await keeper.printed(/2 engines are up/)
      expect(system.queue()).toHaveLength(3)
      return keeper
    }

    it('are ended, with the controller, when their keeper is killed', async () => {
      const keeper = await startKeeper()
      keeper.child.kill('SIGKILL')
      await expectNothingLeft()
      expect(world.files()).toEqual([])
    }, 60_000)

    it('are ended by `ipcluster stop` when nobody is left to see that their keeper was killed', async () => {
      const keeper = await startKeeper()
      const heirs = world.processes().filter(pid => world.commandLine(pid).includes('endLeftJobs'))
      expect(heirs).toHaveLength(1)
      const status = await world.run('ipcluster', ['status'])
      expect(status.stdout).toMatch(/^JOB +SYSTEM +STATE\s+\d+ +slurm +running\s+\d+ +slurm +running\s/m)

      for (const pid of [...heirs, keeper.pid]) process.kill(pid, 'SIGKILL')
      await keeper.finished
      expect(system.queue()).toHaveLength(3)
      const { code, stdout, stderr } = await world.run('ipcluster', ['stop'])
      expect([code, stdout, stderr]).toEqual([0, 'Stopped.\n', ''])
      await expectNothingLeft()
      expect(world.files()).toEqual([])
      expect((await world.run('ipcluster', ['stop'])).stderr).toMatch(/no cluster is running/)
    }, 60_000)

    it('that wait are explained and cancelled by itsparallel doctor', async () => {
      const args = ['doctor', '--engines=slurm', '--batch=directives=["--hold"]']
      const told = await world.run('itsparallel', [...args, '--timeout=3'])
      expect(told.stdout).toMatch(
        /FAILED {2}engine .*\n {2}job \d+ has not begun to run: it is held, .*JobHeldUser/,
      )
      expect(system.queue()).toEqual([])

      const interrupted = world.start('itsparallel', args)
      await eventually(() => system.queue().length === 1, 15_000, 'the job waits')
      interrupted.child.kill('SIGINT')
      const { code, stdout } = await interrupted.finished
      expect(code).toBe(1)
      expect(stdout).toMatch(/FAILED {2}engine .*given up, by SIGINT/)
      await expectNothingLeft()
    }, 60_000)
  },
)
