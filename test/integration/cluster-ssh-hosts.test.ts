/** Clusters whose controller runs on one of several hosts with addresses of their own, reached over ssh. */

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'
import { Cluster, type ClusterOptions } from 'itsparallel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually } from '../support/cluster-world.ts'
import { hasNetworks, Network } from '../support/network.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'

const present = hasSshd() && hasNetworks()
/** A name that only the hosts know. */
const CONTROLLER_NAME = 'control.cluster.test'

let world: ClusterWorld
let ssh: SshWorld
let network: Network

describe.skipIf(!present)(
  `a controller on one of three hosts${present ? '' : ' (skipped: it needs root, iproute2 and openssh-server)'}`,
  () => {
    beforeEach(async () => {
      world = new ClusterWorld()
      ssh = new SshWorld({ IPYTHONDIR: world.ipythonDir })
      network = new Network(3)
      vi.stubEnv('IPYTHONDIR', world.ipythonDir)
      for (const host of network.hosts) {
        const names = { [CONTROLLER_NAME]: network.hosts[0]!.address, [hostname()]: network.address }
        const before = network.onKnown(host, names)
        await ssh.serve({ name: host.name, address: host.address, port: 22, before })
      }
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await world.close()
      await ssh.close()
      network.close()
    })

    const start = (options: ClusterOptions = {}): Promise<Cluster> =>
      Cluster.start({
        controller: 'ssh',
        engines: 'ssh',
        env: { IPYTHONDIR: world.ipythonDir },
        ...options,
        ssh: {
          args: ['-F', ssh.config],
          controllerHost: 'host1',
          hosts: { host1: 1, host2: 1, host3: 1 },
          ...options.ssh,
        },
      })

    const expectNothingLeft = async (): Promise<void> => {
      const isGone = (): boolean => world.processes().length === 0 && ssh.leftovers().length === 0
      await eventually(isGone, 30_000, 'nothing runs, and nothing is left on the hosts')
      expect(world.files()).toEqual([])
    }

    /** Where the engine of each host has found the controller: the other ends of its connections. */
    const controllersOf = async (cluster: Cluster): Promise<Map<string, string[]>> => {
      await using rc = await cluster.connect()
      const seen = await rc.directView().apply(async () => {
        const { readFileSync } = await import('node:fs')
        const { hostname } = await import('node:os')
        // Remote address and state of each connection (proc(5)); 01: established. sshd's own are not the engine's.
        const ports = (process.env.SSH_CONNECTION ?? '').split(' ')
        const rows = readFileSync('/proc/self/net/tcp', 'latin1')
          .trim()
          .split('\n')
          .slice(1)
          .map(row => row.trim().split(/\s+/))
          .filter(columns => columns[3] === '01')
          .map(columns => {
            const [address = '', port = ''] = columns[2]!.split(':')
            const bytes = [...Buffer.from(address, 'hex')].reverse().join('.')
            return [bytes, Number.parseInt(port, 16)] as const
          })
          .filter(([, port]) => String(port) !== ports[1])
        return [hostname(), [...new Set(rows.map(([address]) => address))]] as [string, string[]]
      })
      return new Map(seen)
    }

    const tunnels = (): string[] => world.commandLines().filter(line => / -[LR] 127/.test(line))

    it('is found at the address at which ssh has found it, by all and directly', async () => {
      const cluster = await start({ ip: '*' })
      expect(tunnels()).toEqual([])
      const { location } = JSON.parse(readFileSync(cluster.connectionFile, 'utf8'))
      expect(location).toBe(network.hosts[0]!.address)
      const seen = await controllersOf(cluster)
      expect([...seen.keys()].sort()).toEqual(['host1', 'host2', 'host3'])
      expect(seen.get('host2')).toEqual([network.hosts[0]!.address])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('is found by name where it is known, while this machine, which does not know it, takes the tunnel', async () => {
      const cluster = await start({ ip: '*', location: CONTROLLER_NAME })
      expect(tunnels().map(line => / -([LR]) /.exec(line)![1])).toEqual(['L'])
      const seen = await controllersOf(cluster)
      expect(seen.get('host2')).toEqual([network.hosts[0]!.address])
      expect(seen.get('host3')).toEqual([network.hosts[0]!.address])
      expect(await cluster.addEngines(2)).toEqual([3, 4])
      await cluster.scale(1)
      await cluster.scale(4)
      await using rc = await cluster.connect()
      expect(rc.ids).toHaveLength(4)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)

    it('that listens on its own host only is reached by the others through here', async () => {
      const cluster = await start({ n: 3, ssh: { hosts: ['host1', 'host2', 'host3'] } })
      expect(
        tunnels()
          .map(line => / -([LR]) /.exec(line)![1])
          .sort(),
      ).toEqual(['L', 'R', 'R'])
      await using rc = await cluster.connect()
      expect(await rc.loadBalancedView().map(i => i * i, [1, 2, 3])).toEqual([1, 4, 9])
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('may as well be of this machine, and found by its name', async () => {
      const cluster = await start({ controller: 'local', ip: '*' })
      expect(tunnels()).toEqual([])
      const { location } = JSON.parse(readFileSync(cluster.connectionFile, 'utf8'))
      expect(location).toBe(hostname())
      const seen = await controllersOf(cluster)
      expect([...seen.values()]).toEqual(Array(3).fill([network.address]))
      await cluster.stop()
      await expectNothingLeft()
    })

    it('is said to be nowhere where the name means nothing', async () => {
      const started = start({ controller: 'local', ip: '*', location: 'nowhere.invalid' })
      await expect(started).rejects.toThrow(
        "cannot find the controller's host nowhere.invalid: give its address with --location",
      )
      await expectNothingLeft()
    })

    it('serves engines of this machine', async () => {
      const cluster = await start({ n: 1, engines: 'local' })
      await using rc = await cluster.connect()
      expect(await rc.at(0).apply(() => 6 * 7)).toBe(42)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('ends the cluster when its host is cut off, and ends there when that is seen', async () => {
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const alive = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=2']
      const cluster = await start({ n: 1, engines: 'local', ssh: { args: ['-F', ssh.config, ...alive] } })
      const host = network.hosts[0]!
      network.plug(host, false)
      const failure = await cluster.ended
      warning.mockRestore()
      expect(failure?.message).toContain(`Timeout, server ${host.address} not responding`)
      expect(world.files()).toEqual([])
      network.forgetConnections(host)
      network.plug(host, true)
      await cluster.stop()
      await expectNothingLeft()
    }, 60_000)
  },
)
