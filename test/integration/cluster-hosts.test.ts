/** A cluster on several hosts with addresses of their own, reached over ssh; one of them is cut off. */

import { Cluster } from 'itsparallel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { hasNetworks, Network } from '../support/network.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'

const present = hasSshd() && hasNetworks()
const HOSTS = 3
const PER_HOST = 2

let world: ClusterWorld
let ssh: SshWorld
let network: Network

describe.skipIf(!present)(
  `a cluster on ${HOSTS} hosts${present ? '' : ' (skipped: it needs root, iproute2 and openssh-server)'}`,
  () => {
    beforeEach(async () => {
      world = new ClusterWorld()
      ssh = new SshWorld()
      network = new Network(HOSTS)
      vi.stubEnv('IPYTHONDIR', world.ipythonDir)
      for (const host of network.hosts) {
        await ssh.serve({ name: host.name, address: host.address, port: 22, before: network.on(host) })
      }
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await world.close()
      await ssh.close()
      network.close()
    })

    const start = (): Promise<Cluster> =>
      Cluster.start({
        engines: 'ssh',
        ssh: {
          args: ['-F', ssh.config],
          hosts: Object.fromEntries(network.hosts.map(({ name }) => [name, PER_HOST])),
        },
        ip: network.address,
        location: network.address,
        controllerArgs: ['--ping=100'],
        engineArgs: ['--controller-timeout=5'],
        env: { IPYTHONDIR: world.ipythonDir },
      })

    it('reaches the controller from each host at its own address, without a tunnel', async () => {
      const cluster = await start()
      const rc = await cluster.connect()
      const addresses = await rc.directView().apply(async () => {
        const { networkInterfaces } = await import('node:os')
        return networkInterfaces().eth0!.find(({ family }) => family === 'IPv4')!.address
      })
      const expected = network.hosts.flatMap(({ address }) => Array<string>(PER_HOST).fill(address))
      expect([...addresses].sort()).toEqual(expected.sort())
      expect(world.commandLines().filter(line => line.includes(' -R '))).toEqual([])
      await rc.close()
      await cluster.stop()
      await eventually(() => world.processes().length === 0)
      expect(world.files()).toEqual([])
      expect(ssh.leftovers()).toEqual([])
    })

    it('gives every result of a map though a host is cut off in the middle, and takes it back', async () => {
      const cluster = await start()
      const rc = await cluster.connect()
      const elements = Array.from({ length: 120 }, (_, i) => i)
      const results = rc
        .loadBalancedView()
        .with({ chunkSize: 1 })
        .map(async i => {
          await new Promise(resolve => setTimeout(resolve, 50))
          return i * i
        }, elements)
      const cut = network.hosts[1]!
      const values: number[] = []
      for await (const value of results) {
        values.push(value)
        if (values.length === 30) network.plug(cut, false)
      }
      expect(values).toEqual(elements.map(i => i * i))
      await eventually(() => rc.ids.length === (HOSTS - 1) * PER_HOST)
      const back = rc.waitForEngines(HOSTS * PER_HOST, { timeout: 25 })
      network.plug(cut, true)
      await back
      await rc.close()
      await cluster.stop()
      await eventually(() => world.processes().length === 0)
      expect(world.files()).toEqual([])
    }, 60_000)
  },
)
