/** The ranks of one MPI program on several hosts with names and addresses of their own, which mpiexec reaches over ssh. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, Cluster } from 'itsparallel'
import type { MPI as MpiType } from 'itsparallel/mpi'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { hasNetworks, Network } from '../support/network.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'

/** What engines started with --mpi have in their namespace. */
declare const MPI: typeof MpiType

const families = mpiFamilies()
const present = families.length > 0 && hasSshd() && hasNetworks()
const HOSTS = 3
const TEST_MS = 90_000

let world: ClusterWorld
let ssh: SshWorld
let network: Network

/** What each family calls a file of hosts, ssh and what it is given, and the network to use. */
function mpiexecArguments(
  { name, options }: MpiFamily,
  hosts: readonly string[] = network.hosts.map(host => host.name),
): string[] {
  const file = join(world.ipythonDir, 'hosts')
  if (name === 'MPICH') {
    writeFileSync(file, hosts.map(host => `${host}:1\n`).join(''))
    return ['-f', file, '-launcher', 'ssh', '-localhost', network.address]
  }
  writeFileSync(file, hosts.map(host => `${host} slots=1\n`).join(''))
  const subnet = network.address.replace(/\d+$/, '0/24')
  const parameters = {
    plm_rsh_args: `-F ${ssh.config}`,
    oob_tcp_if_include: subnet,
    btl_tcp_if_include: subnet,
  }
  const asWords = Object.entries(parameters).flatMap(([key, value]) => ['--mca', key, value])
  return [...options, '--hostfile', file, ...asWords]
}

function start(
  family: MpiFamily,
  { n = HOSTS, args = mpiexecArguments(family) }: { n?: number; args?: string[] } = {},
): Promise<Cluster> {
  return Cluster.start({
    engines: 'mpi',
    n,
    mpi: { command: family.mpiexec, args },
    ip: network.address,
    location: network.address,
    controllerArgs: ['--ping=200'],
    engineArgs: ['--controller-timeout=5'],
    env: { IPYTHONDIR: world.ipythonDir, COLOUR: 'blue' },
  })
}

async function expectNothingLeft(): Promise<void> {
  await eventually(() => world.processes().length === 0, 30_000, 'nothing runs on any host')
  expect(world.files()).toEqual(['hosts'])
}

/** Where each engine runs, which rank it is, and whether it has what was set for it. */
function roster(rc: Client): PromiseLike<unknown[]> {
  return rc.directView().apply(async () => {
    const { hostname } = await import('node:os')
    return [hostname(), MPI.COMM_WORLD.rank, process.env.COLOUR]
  })
}

/** Resolves when as many new engines have registered as there are hosts; one that was lost for a moment only is none. */
function backAgain(rc: Client): Promise<void> {
  return new Promise(resolve => {
    const lost = new Set<string>()
    let came = 0
    rc.on('engine:unregistered', ({ uuid }) => lost.add(uuid))
    rc.on('engine:registered', ({ uuid }) => {
      if (lost.has(uuid)) return
      came += 1
      if (came === HOSTS) resolve()
    })
  })
}

describe.skipIf(!present)(
  `an MPI program on ${HOSTS} hosts${present ? '' : ' (skipped: it needs an MPI library, root, iproute2 and openssh-server)'}`,
  () => {
    beforeEach(async () => {
      world = new ClusterWorld()
      ssh = new SshWorld({ IPYTHONDIR: world.ipythonDir })
      network = new Network(HOSTS)
      vi.stubEnv('IPYTHONDIR', world.ipythonDir)
      vi.stubEnv('HYDRA_LAUNCHER_EXTRA_ARGS', `-F ${ssh.config}`)
      for (const host of network.hosts) {
        await ssh.serve({ name: host.name, address: host.address, port: 22, before: network.onKnown(host) })
      }
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await world.close()
      await ssh.close()
      network.close()
    })

    it.each(families)(
      'has its ranks as engines on all of them, under $name',
      async family => {
        const cluster = await start(family)
        const rc = await cluster.connect()
        expect(rc.ids).toEqual([0, 1, 2])
        expect(await roster(rc)).toEqual([
          ['host1', 0, 'blue'],
          ['host2', 1, 'blue'],
          ['host3', 2, 'blue'],
        ])
        const sums = await rc.directView().apply(() => {
          const total = new Float64Array(100_000)
          MPI.COMM_WORLD.Allreduce(new Float64Array(100_000).fill(MPI.COMM_WORLD.rank + 1), total)
          return total.every(value => value === 6)
        })
        expect(sums).toEqual([true, true, true])
        expect(await rc.directView().apply(() => MPI.COMM_WORLD.splitByHost().size)).toEqual([1, 1, 1])
        await rc.close()
        await cluster.stop()
        await expectNothingLeft()
      },
      TEST_MS,
    )

    it.each(families)(
      'says which host is not reached, and why, under $name',
      async family => {
        ssh.know('deaf', `HostName ${network.hosts[0]!.address}`, 'Port 1')
        ssh.alias('stranger', 'host1', 'IdentityFile /dev/null', 'PubkeyAuthentication no')
        const failing = async (host: string): Promise<string> => {
          const args = mpiexecArguments(family, [network.hosts[1]!.name, host])
          const started = start(family, { n: 2, args })
          const message = await started.then(() => 'it started', String)
          await expectNothingLeft()
          return message
        }
        const deaf = await failing('deaf')
        expect(deaf).toMatch(/^SubmitError: ipengine (ended with|is gone).* before it had registered\./)
        expect(deaf).toMatch(/ssh: connect to host .* Connection refused/)
        expect(deaf).toContain('hint: is the host up, is sshd running there, and is the port the right one?')
        expect(await failing('stranger')).toMatch(/hint: make `ssh \S+` work without a question/)
      },
      TEST_MS,
    )

    it.each(families)(
      'ends on all hosts when a rank of one dies, and starts again there, under $name',
      async family => {
        const cluster = await start(family)
        const rc = await cluster.connect()
        const pids = await rc.directView().apply(() => process.pid)
        const back = backAgain(rc)
        const waiting = rc.directView().apply(() => MPI.COMM_WORLD.recv(MPI.ANY_SOURCE, 7))
        const failed = expect(waiting).rejects.toThrow(/engine [012]/)
        process.kill(pids[1]!, 'SIGKILL')
        await failed
        await back
        expect((await roster(rc)).map(engine => (engine as unknown[]).slice(0, 2))).toEqual([
          ['host1', 0],
          ['host2', 1],
          ['host3', 2],
        ])
        expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual([3, 3, 3])
        await rc.close()
        await cluster.stop()
        await expectNothingLeft()
      },
      TEST_MS,
    )

    it.each(families)(
      'starts again on all hosts when one is cut off and comes back, under $name',
      async family => {
        const cluster = await start(family)
        const rc = await cluster.connect()
        await roster(rc)
        const back = backAgain(rc)
        const waiting = rc.directView().apply(() => MPI.COMM_WORLD.recv(MPI.ANY_SOURCE, 7))
        const failed = expect(waiting).rejects.toThrow(/engine [012]/)
        const cut = network.hosts[1]!
        const gone = new Promise<void>(resolve => {
          rc.on('engine:unregistered', () => resolve())
        })
        network.plug(cut, false)
        await gone
        network.plug(cut, true)
        await failed
        await back
        expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual([3, 3, 3])
        await rc.close()
        await cluster.stop()
        await expectNothingLeft()
      },
      TEST_MS,
    )
  },
)
