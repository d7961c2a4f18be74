/** Python's ipyparallel and ours find each other's clusters, in the same profile, by the same files. */

import { spawn } from 'node:child_process'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ClusterWorld, eventually, Started } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

async function python(source: string): Promise<string> {
  const child = spawn(DEBIAN_PYTHON, ['-c', source], { env: world.env, stdio: ['ignore', 'pipe', 'pipe'] })
  const { code, stdout, stderr } = await new Started(child).finished
  expect(code, stderr).toBe(0)
  return stdout
}

describeNeeds('Python beside a cluster of ours', ['ipyparallel'], () => {
  it('finds it, connects to it and stops it', async () => {
    expect((await world.run('ipcluster', ['start', '--n=2', '--daemonize', '--profile=p'])).code).toBe(0)
    const seen = await python(`
import ipyparallel as ipp
rc = ipp.Client(profile='p')
print(rc.ids)
rc.close()
cluster = ipp.Cluster.from_file(profile='p', cluster_id='')
print(cluster.controller.state, sum(s.n for s in cluster.engines.values()))
cluster.stop_cluster_sync()
`)
    expect(seen).toBe('[0, 1]\nrunning 2\n')
    await eventually(() => world.processes().length === 0)
    expect(world.files().filter(file => !file.startsWith('profile_p/startup'))).toEqual([])
  })

  it('is found, asked and stopped by our commands', async () => {
    await python(`
import ipyparallel as ipp
cluster = ipp.Cluster(n=1, cluster_id='py', profile='p', shutdown_atexit=False)
cluster.start_cluster_sync()
`)
    const listed = JSON.parse((await world.run('ipcluster', ['list', '--json'])).stdout)
    expect(listed).toMatchObject([{ profile: 'p', clusterId: 'py', state: 'running', engines: 1 }])
    const second = await world.run('ipcluster', ['start', '--n=1', '--profile=p', '--cluster-id=py'])
    expect(second.stderr).toMatch(/already running on profile p, cluster id py/)
    expect(await world.run('ipcluster', ['stop', '--profile=p', '--cluster-id=py'])).toMatchObject({
      code: 0,
    })
    // What watches a Python engine ends a moment after it.
    await eventually(() => world.processes().length === 0)
    expect(world.files().filter(file => file.startsWith('profile_p/security'))).toEqual([])
  })
})
