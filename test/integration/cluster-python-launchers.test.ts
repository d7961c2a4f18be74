/** Python engines that are started over ssh and by mpiexec, alone and beside our own. */

import { Cluster, type ClusterOptions } from 'itsparallel'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ClusterWorld, eventually } from '../support/cluster-world.ts'
import { mpiFamilies } from '../support/mpi.ts'
import { DEBIAN_PYTHON, describeNeeds, skipAloudWithout } from '../support/needs.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'
import { worldForEach } from '../support/world-for-each.ts'

let world: ClusterWorld
worldForEach(
  fresh => {
    world = fresh
  },
  { ITSPARALLEL_PYTHON: DEBIAN_PYTHON },
)

const startup = /\/startup\//

async function expectNothingLeft(): Promise<void> {
  await eventually(() => world.processes().length === 0)
  expect(world.files().filter(file => !startup.test(file))).toEqual([])
}

/** What each engine says of an expression in its own language, in the order of the engines. */
async function evaluate(cluster: Cluster, inPython: string, inNode: string): Promise<string[]> {
  await using rc = await cluster.connect()
  const said = rc.engines.map(async ({ id, language }) =>
    language === 'python'
      ? `python ${await rc.at(id).pull(inPython)}`
      : `node ${await rc.at(id).pull(inNode)}`,
  )
  return await Promise.all(said)
}

const hasServer = hasSshd()
skipAloudWithout(hasServer ? ['ssh'] : [], 'Python engines over ssh', 'openssh-server is not installed')

if (hasServer) {
  describeNeeds('Python engines over ssh', ['ipyparallel'], () => {
    let ssh: SshWorld
    beforeEach(async () => {
      ssh = new SshWorld({ IPYTHONDIR: world.ipythonDir })
      await ssh.serve({ name: 'node1' })
      await ssh.serve({ name: 'node2' })
    })
    afterEach(() => ssh.close())

    const start = (options: ClusterOptions, hosts: Record<string, number> | string[]): Promise<Cluster> =>
      Cluster.start({ launcher: 'ssh', ...options, ssh: { args: ['-F', ssh.config], ...options.ssh, hosts } })

    const inPython = "__import__('os').environ['SSH_CONNECTION'].split()[3]"
    const inNode = "process.env.SSH_CONNECTION.split(' ')[3]"

    it('run on their hosts, through a tunnel, and leave nothing there', async () => {
      const cluster = await start({ engines: 'python' }, { node1: 1, node2: 1 })
      const said = await evaluate(cluster, inPython, inNode)
      expect(said.map(text => text.split(' ')[0])).toEqual(['python', 'python'])
      expect(new Set(said).size).toBe(2)
      await cluster.stop()
      await expectNothingLeft()
      await eventually(() => ssh.leftovers().length === 0)
    }, 60_000)

    it('run beside our own, as many of each as was asked, and are replaced by their like', async () => {
      const cluster = await start({ engines: { python: 1, node: 2 } }, ['node1', 'node2'])
      const said = await evaluate(cluster, inPython, inNode)
      expect(said.map(text => text.split(' ')[0]).sort()).toEqual(['node', 'node', 'python'])
      await using rc = await cluster.connect()
      const id = rc.engines.find(({ language }) => language === 'python')!.id
      await cluster.restartEngines({ targets: [id] })
      await eventually(() => rc.engines.some(engine => engine.language === 'python' && engine.id !== id))
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
      await eventually(() => ssh.leftovers().length === 0)
    }, 60_000)

    it('find a controller that ssh has started, too', async () => {
      const options = { engines: 'python', controller: 'ssh', ssh: { controllerHost: 'node1' } } as const
      const cluster = await start(options, ['node1', 'node2'])
      const said = await evaluate(cluster, inPython, inNode)
      expect(new Set(said).size).toBe(2)
      await cluster.stop()
      await expectNothingLeft()
      await eventually(() => ssh.leftovers().length === 0)
    }, 60_000)

    it('are driven by a Python client of this machine, as is all that ssh has started', async () => {
      const options = { engines: 'python', controller: 'ssh', ssh: { controllerHost: 'node1' } } as const
      const cluster = await start(options, { node1: 2 })
      const said = await world.runPython(`
import warnings
import ipyparallel as ipp
# It warns of controllers that seem to be elsewhere.
warnings.simplefilter('error', RuntimeWarning)
rc = ipp.Client(cluster_id=${JSON.stringify(cluster.clusterId)})
print(rc.ids, rc[:].apply_sync(lambda x: x * 2, 21), rc.load_balanced_view().map_sync(abs, [-1, -2]))
rc.close()`)
      expect(said).toBe('[0, 1] [42, 42] [1, 2]\n')
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    it('are what a command runs there, and go on in the background', async () => {
      const settings = JSON.stringify({ ssh: { args: ['-F', ssh.config], hosts: { node1: 1, node2: 1 } } })
      const started = await world.run('ipcluster', [
        'start',
        '--daemonize',
        '--launcher=ssh',
        `--engine-command=${DEBIAN_PYTHON} -m ipyparallel.engine`,
        `--launcher-settings=${settings}`,
      ])
      expect(started).toMatchObject({ code: 0, stderr: '' })
      const said = await evaluate(await Cluster.attach(), inPython, inNode)
      expect(said.map(text => text.split(' ')[0])).toEqual(['python', 'python'])
      expect(new Set(said).size).toBe(2)
      expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
      await eventually(() => world.processes().length === 0 && ssh.leftovers().length === 0)
    }, 60_000)

    it('say what their hosts lack', async () => {
      await expect(start({ engines: 'python', python: '/no/such/python' }, ['node1'])).rejects.toThrow(
        "the engine's program /no/such/python cannot be started",
      )
      await expect(start({ engines: { python: 1, node: 2 } }, { node1: 2 })).rejects.toThrow(
        'the hosts have 2 engines, but n is 3',
      )
      await expectNothingLeft()
    })
  })
}

/** The rank that the MPI library itself gives a Python engine. */
const rankBy = (library: string): string =>
  `(lambda c: (lambda m, r: (m.MPI_Init(None, None), m.MPI_Comm_rank(${
    library.includes('mpich') ? 'c.c_int(0x44000000)' : "c.byref(c.c_char.in_dll(m, 'ompi_mpi_comm_world'))"
  }, c.byref(r)), r.value)[2])(c.CDLL('${library}', mode=c.RTLD_GLOBAL), c.c_int(-1)))(__import__('ctypes'))`

const LIBRARIES = { 'Open MPI': 'libmpi.so.40', MPICH: 'libmpich.so.12' } as const
const families = mpiFamilies()
skipAloudWithout(families, 'Python engines by mpiexec', 'no MPI library is installed')

for (const { name, mpiexec, options } of families) {
  describeNeeds(`Python engines by the mpiexec of ${name}`, ['ipyparallel'], () => {
    const mpi = { command: mpiexec, args: options }

    it('are numbered by their ranks, which the library has given them', async () => {
      const cluster = await Cluster.start({ n: 2, engines: 'python', launcher: 'mpi', mpi })
      const ranks = await evaluate(cluster, rankBy(LIBRARIES[name]), '')
      expect(ranks).toEqual(['python 0', 'python 1'])
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    it('are a world beside that of our own', async () => {
      const cluster = await Cluster.start({ engines: { python: 2, node: 2 }, launcher: 'mpi', mpi })
      const ranks = await evaluate(cluster, rankBy(LIBRARIES[name]), 'MPI.COMM_WORLD.rank')
      expect(ranks).toEqual(['python 0', 'python 1', 'node 0', 'node 1'])
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)
  })
}
