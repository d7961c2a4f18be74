/** Python's ipyparallel and ours find each other's clusters, in the same profile, by the same files. */

import { Client } from 'itsparallel'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { describeNeeds } from '../support/needs.ts'

/** Python's engines, and what watches them, take their time. */
const ENDING_MS = 30_000

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await world.close()
})

describeNeeds('Python beside a cluster of ours', ['ipyparallel'], () => {
  it('finds it, connects to it and stops it', { timeout: 60_000 }, async () => {
    expect((await world.run('ipcluster', ['start', '--n=2', '--daemonize', '--profile=p'])).code).toBe(0)
    const seen = await world.runPython(`
import ipyparallel as ipp
rc = ipp.Client(profile='p')
print(rc.ids)
rc.close()
cluster = ipp.Cluster.from_file(profile='p', cluster_id='')
print(cluster.controller.state, sum(s.n for s in cluster.engines.values()))
cluster.stop_cluster_sync()
`)
    expect(seen).toBe('[0, 1]\nrunning 2\n')
    await eventually(() => world.processes().length === 0, ENDING_MS)
    expect(world.files().filter(file => !file.startsWith('profile_p/startup'))).toEqual([])
  })

  it('is found, asked and stopped by our commands', { timeout: 60_000 }, async () => {
    await world.runPython(`
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
    await eventually(() => world.processes().length === 0, ENDING_MS)
    expect(world.files().filter(file => file.startsWith('profile_p/security'))).toEqual([])
  })

  it('is driven by our client, and joined by engines of ours', { timeout: 60_000 }, async () => {
    await world.runPython(`
import ipyparallel as ipp
cluster = ipp.Cluster(n=1, cluster_id='', profile='p', shutdown_atexit=False)
cluster.start_cluster_sync()
with cluster.connect_client_sync() as rc: rc.wait_for_engines(1, timeout=20)
`)
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    await using rc = await Client.connect({ profile: 'p' })
    expect(rc.ids).toEqual([0])
    const python = rc.at(0)
    const printed = python.execute('x = 6 * 7; print("x is", x)')
    await printed
    expect(printed.stdout).toBe('x is 42\n')
    await expect(python.execute('1 / 0')).rejects.toMatchObject({ ename: 'ZeroDivisionError', engineId: 0 })

    const engines = world.start('ipcluster', ['engines', '--n=2', '--profile=p'])
    await engines.printed(/Engines 1, 2 are up/)
    await rc.waitForEngines(3, { timeout: 20 })
    expect(await rc.directView([1, 2]).apply((n: number) => n + 1, 1)).toEqual([2, 2])
    const squares = await rc.loadBalancedView([1, 2]).map((n: number) => n * n, [1, 2, 3, 4, 5])
    expect(squares).toEqual([1, 4, 9, 16, 25])
    // Python's hub hears of results a moment after the client has them.
    await expect.poll(async () => (await rc.queueStatus()).unassigned, { timeout: 10_000 }).toBe(0)
    const asleep = python.execute('import time; print("asleep", flush=True); time.sleep(60)')
    const interrupted = expect(asleep).rejects.toMatchObject({ ename: 'KeyboardInterrupt' })
    await eventually(() => asleep.stdout.startsWith('asleep'))
    await rc.sendSignal('SIGINT', { targets: 0 })
    await interrupted

    await rc.shutdown({ hub: true })
    await eventually(() => world.processes().length === 0, ENDING_MS)
  })
})
