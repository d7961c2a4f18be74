import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answerOf, type PrivateSystem } from '../support/batch/daemons.ts'
import { hasSlurmTorque, startSlurm } from '../support/batch/slurm.ts'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'

const isPresent = hasSlurmTorque()
if (!isPresent && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
  throw new Error('slurm-wlm, slurm-wlm-torque and munge must be there, as root, and every test is required')

describe.skipIf(!isPresent)(
  isPresent ? 'jobs with a cluster inside' : 'jobs with a cluster inside (skipped: needs slurm-wlm-torque)',
  () => {
    let system: PrivateSystem
    let world: ClusterWorld
    beforeAll(async () => {
      system = await startSlurm()
    }, 60_000)
    afterAll(() => system?.close(), 30_000)
    beforeEach(() => {
      world = new ClusterWorld()
    })
    afterEach(() => world.close())

    it.each([
      ['examples/pbs/job.sh', 'qsub', ['-j', 'oe', '-o']],
      ['examples/slurm/job.sh', 'sbatch', ['--output']],
    ] as const)(
      '%s ends with the answer of the study, and leaves nothing',
      async (script, command, options) => {
        const output = join(world.ipythonDir, 'job.txt')
        const picture = join(world.ipythonDir, 'epidemic.svg')
        const env = { ...world.env, ...system.env, POINTS: '36', OUTPUT: picture }
        expect(answerOf(command, [...options, output, script], env)).toMatch(/\d+/)
        await eventually(() => system.queue().length === 0, 110_000, 'the job has ended')

        const text = readFileSync(output, 'utf8')
        const [, beta, gamma] = /Best pair: β = ([\d.]+) a day, γ = ([\d.]+) a day/.exec(text) ?? [text]
        expect(Number(beta)).toBeCloseTo(1.67, 1)
        expect(Number(gamma)).toBeCloseTo(0.45, 1)
        expect(text).toContain('A controller and 2 engines are up')
        expect(readFileSync(picture, 'utf8')).toMatch(/^<svg /)
        await eventually(() => world.processes().length === 0)
        expect(world.files().filter(file => file.includes('profile_'))).toEqual([])
      },
      120_000,
    )
  },
)
