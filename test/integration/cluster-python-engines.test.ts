/** Python engines kept by our cluster, and our client and engines at a controller of Python's. */

import process from 'node:process'
import { Cluster, ConfigurationError, EngineError } from 'itsparallel'
import { expect, it, vi } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'
import { worldForEach } from '../support/world-for-each.ts'

let world: ClusterWorld
worldForEach(
  fresh => {
    world = fresh
  },
  { ITSPARALLEL_PYTHON: DEBIAN_PYTHON },
)

/** What a Python program prints that has `rc`, a client of the cluster of this profile and id. */
function python(place: string, source: string): Promise<string> {
  return world.runPython(`import ipyparallel as ipp, os\nrc = ipp.Client(${place})\n${source}\nrc.close()\n`)
}

describeNeeds('Python engines in a cluster of ours', ['ipyparallel'], () => {
  it('start beside our own, are replaced by their like, and leave nothing', { timeout: 90_000 }, async () => {
    const cluster = await Cluster.start({ engines: { python: 1, node: 1 } })
    const place = `cluster_id=${JSON.stringify(cluster.clusterId)}`
    const pids = `
for i in rc.ids:
    try: print('python', i, rc[i].apply_sync(os.getpid))
    except ipp.RemoteError as error: print(error.ename, i)`
    const before = await python(place, pids)
    expect(before).toMatch(/^python \d \d+$/m)
    expect(before).toMatch(/^WrongLanguageError \d$/m)
    const id = Number(/python (\d)/.exec(before)![1])

    await using rc = await cluster.connect()
    const died = new Promise<string>(resolve => {
      rc.once('engine:unregistered', event => resolve(JSON.stringify(event)))
    })
    await rc.sendSignal('SIGKILL', { targets: id }).catch(error => {
      // It may be gone before it can answer.
      if (!(error instanceof EngineError)) throw error
    })
    expect(JSON.parse(await died)).toMatchObject({ id, cause: { signal: 'SIGKILL' } })
    await rc.waitForEngines(2, { timeout: 20 })
    const after = await python(place, pids)
    expect(after).toMatch(/^python 2 \d+$/m)
    expect(after).toMatch(/^WrongLanguageError \d$/m)

    await cluster.restartEngines({ targets: [2] })
    expect(await python(place, pids)).toMatch(/^python 3 \d+$/m)
    // Whoever did not start it asks it to leave, and its keeper for another.
    await rc.shutdown({ targets: 3, restart: true })
    await rc.waitForEngines(2, { timeout: 20 })
    await eventually(() => rc.ids.includes(4), 20_000)
    expect(await python(place, pids)).toMatch(/^python 4 \d+$/m)
    await rc.close()
    await cluster.stop()
    await eventually(() => world.processes().length === 0)
    expect(world.files().filter(file => !file.includes('/startup/'))).toEqual([])
  })

  it('go with a keeper that is killed', { timeout: 60_000 }, async () => {
    const cluster = world.start('ipcluster', ['start', '--engines=python:1,node:1'])
    await cluster.printed(/2 engines are up/)
    process.kill(cluster.pid, 'SIGKILL')
    await eventually(() => world.processes().length === 0)
    expect(world.files().filter(file => !file.includes('/startup/'))).toEqual([])
  })

  it('are interrupted, and end with their controller in the background', { timeout: 60_000 }, async () => {
    const start = ['start', '--n=1', '--daemonize', `--engine-command=${DEBIAN_PYTHON} -m ipyparallel.engine`]
    expect(await world.run('ipcluster', start)).toMatchObject({ code: 0 })
    const seen = await python(
      '',
      `
import time
view = rc[0]
asleep = view.execute('import time; print("asleep", flush=True); time.sleep(60)', silent=False)
while not asleep.stdout: time.sleep(0.01)
rc.send_signal('SIGINT', block=True)
try: asleep.get(20)
except ipp.RemoteError as error: print(error.ename)
print(view.apply_sync(lambda: 42))
rc.shutdown(hub=True)`,
    )
    expect(seen).toBe('KeyboardInterrupt\n42\n')
    await eventually(() => world.processes().length === 0)
  })

  it('are refused in one sentence where there is no Python for them', async () => {
    vi.stubEnv('ITSPARALLEL_PYTHON', '')
    await expect(Cluster.start({ engines: 'python', python: '/bin/false' })).rejects.toThrow(
      ConfigurationError,
    )
    const refused = await world.run('ipcluster', ['start', '--engines=python', '--python=/bin/false'])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toBe(
      'ipcluster: /bin/false is no Python with ipyparallel: install ipyparallel for it, or name another [ERR_CONFIGURATION]\n',
    )
  })

  it('tell the last words of one that could not start', async () => {
    const start = ['start', '--n=1', '--engine-command=echo cannot; exit 3;']
    const failed = await world.run('ipcluster', start)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/ipengine ended with exit code \d+ before it had registered/)
  })
})
