import { Cluster, ConfigurationError } from 'itsparallel'
import { describe, expect, it } from 'vitest'
import type { ClusterWorld } from '../support/cluster-world.ts'
import { worldForEach } from '../support/world-for-each.ts'

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

describe('ipcluster start --dry-run', () => {
  it('prints the scripts of controller and engines, and starts nothing', async () => {
    const { code, stdout } = await world.run('ipcluster', [
      'start',
      '--dry-run',
      '--n=4',
      '--engines=pbs',
      '--controller=pbs',
      '--batch=walltime=01:00:00',
      '--PBSEngineSetLauncher.queue=long',
    ])
    expect(code).toBe(0)
    const [controller = '', engines = ''] = stdout.split(/^(?=#!)/m)
    expect(controller).toMatch(/^#PBS -q long\n#PBS -l walltime=01:00:00$/m)
    expect(controller).toMatch(/^exec .*ipcontroller\.js/m)
    expect(controller).not.toMatch(/-J/)
    expect(engines).toMatch(/^#PBS -J 0-3$/m)
    expect(engines).toMatch(/^exec .*ipengine\.js/m)
    expect(world.allFiles()).toEqual([])
  })

  it('shows command lines where there is no script', async () => {
    const { stdout } = await world.run('ipcluster', ['engines', '--dry-run', '--n=2'])
    expect(stdout).toMatch(/^# 2 × ipengine, started by local\n\S+ .*ipengine\.js /)
  })

  it('shows how mpiexec is called', async () => {
    const { stdout } = await world.run('ipcluster', ['engines', '--dry-run', '--n=2', '--engines=mpi'])
    expect(stdout).toMatch(
      /^# 2 × ipengine, started by mpi\nmpiexec -n 2 \S+ \S+ipengine\.js .*--mpi --id=0 /,
    )
  })

  it('names the line of a template where it is wrong', async () => {
    const template = '#!/bin/sh\n#SBATCH -p {quee}\n{command}\n'
    const args = ['start', '--dry-run', '--engines=slurm', `--batch=${JSON.stringify({ template })}`]
    const { code, stderr } = await world.run('ipcluster', args)
    expect(code).toBe(2)
    expect(stderr).toMatch(/batch\.template:2: there is no field \{quee\}; did you mean \{queue\}\?/)
  })
})

describe('Cluster.jobScript', () => {
  it('is the script that Cluster.start would submit', async () => {
    const script = await Cluster.jobScript({ n: 3, engines: 'slurm', batch: { queue: 'debug' } })
    expect(script).toMatch(/^#SBATCH --partition=debug\n#SBATCH --array=0-2$/m)
    expect(script).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
    const wrong = { engines: 'slurm', batch: { memory: 'much' } } as const
    await expect(Cluster.jobScript(wrong)).rejects.toThrow(ConfigurationError)
  })

  it('has ranks join MPI, numbered on from set to set', async () => {
    const script = await Cluster.jobScript({
      engines: { node: 2, python: 3 },
      launcher: 'slurm',
      python: '/bin/true',
      batch: { mpi: true },
    })
    expect([...script.matchAll(/^exec mpiexec -n (\d) .*ipengine\.js .*--mpi --id=(\d) /gm)]).toMatchObject([
      { 1: '2', 2: '0' },
      { 1: '3', 2: '2' },
    ])
  })
})

describe('cluster.jobScript', () => {
  it('is what a cluster was started with', async () => {
    await using cluster = await Cluster.start({ n: 1 })
    expect(cluster.jobScript()).toMatch(/ipcontroller\.js[\s\S]*# 1 × ipengine/)
  })
})
