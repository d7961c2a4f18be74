/** Clusters whose engines run on hosts that are reached over ssh: here a real sshd on a port of this machine. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { Cluster } from 'itsparallel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually, firstPort } from '../support/cluster-world.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'

let world: ClusterWorld
let ssh: SshWorld
beforeEach(() => {
  world = new ClusterWorld()
  ssh = new SshWorld()
  vi.stubEnv('IPYTHONDIR', world.ipythonDir)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await world.close()
  await ssh.close()
})

type SshOptions = NonNullable<NonNullable<Parameters<typeof Cluster.start>[0]>['ssh']>

function start(settings: SshOptions, n?: number, controllerArgs?: string[]): Promise<Cluster> {
  return Cluster.start({
    engines: 'ssh',
    n,
    controllerArgs,
    ssh: { args: ['-F', ssh.config], ...settings },
    // The sign by which the world finds its processes; a host knows nothing of our environment.
    env: { IPYTHONDIR: world.ipythonDir },
  })
}

async function expectNothingLeft(): Promise<void> {
  // What ran on the hosts ends with its connection, a moment later.
  await eventually(() => world.processes().length === 0 && ssh.leftovers().length === 0)
  expect(world.files()).toEqual([])
}

const present = hasSshd()

describe.skipIf(!present)(
  `a cluster over ssh${present ? '' : ' (skipped: openssh-server is not installed)'}`,
  () => {
    it('has as many engines on each host as was asked, and nobody sees the key', async () => {
      await ssh.serve({ name: 'node1' })
      await ssh.serve({ name: 'node2' })
      const cluster = await start({ hosts: { node1: 2, node2: 1 } })
      const rc = await cluster.connect()
      expect(rc.ids).toEqual([0, 1, 2])
      const ports = await rc.directView().apply(() => process.env.SSH_CONNECTION!.split(' ')[3])
      const byPort = new Map(ports.map(port => [port, ports.filter(one => one === port).length]))
      expect([...byPort.values()].sort()).toEqual([1, 2])
      const { key } = JSON.parse(readFileSync(cluster.connectionFile, 'utf8')) as { key: string }
      const everything = world
        .processes()
        .map(pid => world.commandLine(pid) + readFileSync(`/proc/${pid}/environ`, 'latin1'))
      expect(everything.length).toBeGreaterThan(3)
      expect(everything.filter(text => text.includes(key))).toEqual([])
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('shares n among hosts, and adds engines where most are missing', async () => {
      await ssh.serve({ name: 'node1' })
      ssh.alias('node2', 'node1')
      const cluster = await start({ hosts: ['node1', 'node2'] }, 3)
      expect(await cluster.addEngines(1)).toEqual([3])
      const lines = world.commandLines().filter(line => line.startsWith('ssh '))
      expect(lines.filter(line => line.includes(' node2 '))).toHaveLength(2)
      await cluster.stop()
      await expectNothingLeft()
    })

    it('reaches a controller directly where that is wanted', async () => {
      await ssh.serve({ name: 'node1' })
      const cluster = await start({ hosts: ['node1'], tunnel: false })
      expect(world.commandLines().filter(line => line.includes(' -R '))).toEqual([])
      await using rc = await cluster.connect()
      expect(await rc.at(0).apply(() => 6 * 7)).toBe(42)
      await cluster.stop()
      await expectNothingLeft()
    })

    it('replaces an engine that dies alone, and leaves the others of its connection in peace', async () => {
      await ssh.serve({ name: 'node1' })
      const cluster = await start({ hosts: { node1: 2 } })
      const rc = await cluster.connect()
      const [first, second] = await rc.directView().apply(() => process.pid)
      const came = new Promise<number>(resolve => rc.on('engine:registered', ({ id }) => resolve(id)))
      process.kill(first!, 'SIGKILL')
      expect(await came).toBe(2)
      expect(await rc.at(1).apply(() => process.pid)).toBe(second)
      await cluster.stopEngines([1])
      await rc.close()
      expect([...cluster.processes.engines.keys()]).toEqual([2])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('leaves nothing on a host that an engine which died had started', async () => {
      await ssh.serve({ name: 'node1' })
      const cluster = await start({ hosts: { node1: 2 } })
      const rc = await cluster.connect()
      const [engine, child] = await rc.at(0).apply(async () => {
        const { spawn } = await import('node:child_process')
        return [process.pid, spawn('sleep', ['1000'], { stdio: 'ignore' }).pid!] as const
      })
      expect(world.processes()).toContain(child)
      process.kill(engine, 'SIGKILL')
      await eventually(() => !world.processes().includes(child))
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('takes the ports that are given, through a tunnel, too', async () => {
      await ssh.serve({ name: 'node1' })
      const first = firstPort()
      const ports = `--ports=${first}-${first + 13}`
      const cluster = await start({ hosts: ['node1'] }, undefined, [ports])
      const [line = ''] = world.commandLines().filter(one => one.includes(' -R '))
      const targets = [...line.matchAll(/ -R 127\.0\.0\.1:\d+:127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
        Number(port),
      )
      expect(targets).toHaveLength(8)
      expect(targets.filter(port => port < first || port > first + 13)).toEqual([])
      await using rc = await cluster.connect()
      expect(await rc.at(0).apply(() => 6 * 7)).toBe(42)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('grows and shrinks over its hosts', async () => {
      await ssh.serve({ name: 'node1' })
      await ssh.serve({ name: 'node2' })
      const cluster = await start({ hosts: { node1: 1, node2: 2 } })
      const perHost = async (): Promise<number[]> => {
        await using rc = await cluster.connect()
        const ports = await rc.directView().apply(() => process.env.SSH_CONNECTION!.split(' ')[3])
        return [...new Set(ports)].map(port => ports.filter(one => one === port).length).sort()
      }
      await cluster.scale(6)
      expect(await perHost()).toEqual([2, 4])
      await cluster.scale(2)
      expect((await perHost()).reduce((sum, n) => sum + n)).toBe(2)
      await cluster.scale(3)
      expect(await perHost()).toEqual([1, 2])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('starts the engines of a connection again that breaks', async () => {
      await ssh.serve({ name: 'node1' })
      const cluster = await start({ hosts: { node1: 2 } })
      const rc = await cluster.connect()
      const before = await rc.directView().apply(() => process.pid)
      const back = new Promise<void>(resolve => {
        const came: number[] = []
        rc.on('engine:registered', ({ id }) => {
          came.push(id)
          if (came.length === 2) resolve()
        })
      })
      const client = world.processes().find(pid => world.commandLine(pid).startsWith('ssh '))!
      process.kill(client, 'SIGKILL')
      await back
      await eventually(() => !world.processes().some(pid => before.includes(pid)))
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('stops though its engines are in loops without an end', async () => {
      await ssh.serve({ name: 'node1' })
      const cluster = await start({ hosts: { node1: 2 } })
      const rc = await cluster.connect()
      const failures = Promise.allSettled(
        rc.ids.map(id =>
          rc.at(id).apply(() => {
            for (;;);
          }),
        ),
      )
      await cluster.stop()
      expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await rc.close()
      await expectNothingLeft()
    })

    it('is what the configuration of a profile says, in the background, until ipcluster stops it', async () => {
      await ssh.serve({ name: 'node1' })
      const profile = join(world.ipythonDir, 'profile_default')
      const configuration = {
        engines: 'SSHEngineSetLauncher',
        ssh: { hosts: { node1: 2 } },
        'SSHLauncher.ssh_args': ['-F', ssh.config],
        env: { IPYTHONDIR: world.ipythonDir },
      }
      mkdirSync(profile)
      writeFileSync(join(profile, 'ipcluster_config.json'), JSON.stringify(configuration))
      const { code, stderr } = await world.run('ipcluster', ['start', '--daemonize'])
      expect([code, stderr]).toEqual([0, ''])
      const cluster = await Cluster.attach()
      await using rc = await cluster.connect()
      expect(await rc.directView().apply(() => process.env.SSH_CONNECTION !== undefined)).toEqual([
        true,
        true,
      ])
      await rc.close()
      expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
      await eventually(() => world.processes().length === 0 && ssh.leftovers().length === 0)
    })

    it('ends on the hosts, too, when the program that started it is killed', async () => {
      await ssh.serve({ name: 'node1' })
      const options = {
        engines: 'ssh',
        ssh: { args: ['-F', ssh.config], hosts: { node1: 2 } },
        env: { IPYTHONDIR: world.ipythonDir },
      }
      const program = world.startProgram(`
      import { Cluster } from 'itsparallel'
      await Cluster.start(${JSON.stringify(options)})
      console.log('up')
      setInterval(() => {}, 1000)
    `)
      await program.printed(/up/)
      process.kill(program.pid, 'SIGKILL')
      await expectNothingLeft()
    })
  },
)

describe.skipIf(!present)('a cluster over ssh that cannot start', () => {
  const failing = async (settings: SshOptions): Promise<string> => {
    const error = await start(settings).then(
      () => expect.unreachable('it started'),
      (reason: unknown) => reason as Error,
    )
    await expectNothingLeft()
    return error.message
  }

  it('says that a host refuses the key', async () => {
    await ssh.serve({ name: 'node1' })
    const message = await failing({
      hosts: ['stranger'],
      args: [
        '-F',
        '/dev/null',
        '-o',
        `IdentityFile=${ssh.folder}/other_key`,
        '-o',
        'IdentitiesOnly=yes',
        ...knownAs(ssh, 'node1'),
      ],
    })
    expect(message).toContain('ipengine could not be started (stranger refuses the key).')
    expect(message).toContain('hint: make `ssh stranger` work without a question')
    expect(message).toContain('Permission denied')
  })

  it('says that the key of a host is not known', async () => {
    await ssh.serve({ name: 'node1' })
    ssh.alias('unknown', 'node1', 'UserKnownHostsFile /dev/null')
    const message = await failing({ hosts: ['unknown'] })
    expect(message).toContain('(the key of host unknown is not known here, or is not the one that is)')
  })

  it('says that there is no such host, or no server', async () => {
    ssh.know('nowhere', 'HostName nowhere.invalid')
    expect(await failing({ hosts: ['nowhere'] })).toContain('(there is no host nowhere)')
    ssh.know('deaf', 'HostName 127.0.0.1', 'Port 1')
    expect(await failing({ hosts: ['deaf'] })).toContain('(no ssh server answers at deaf)')
  })

  it('says that there is no ssh, no node there, or no itsparallel', async () => {
    await ssh.serve({ name: 'node1' })
    expect(await failing({ hosts: ['node1'], command: 'ssh-of-nobody' })).toContain(
      '(ssh-of-nobody is not on this machine)',
    )
    expect(await failing({ hosts: ['node1'], node: '/opt/no/node' })).toContain(
      'there is no /opt/no/node here',
    )
    expect(await failing({ hosts: ['node1'], packagePath: '/opt/no' })).toContain(
      'there is no /opt/no/dist/cli/ipengine.js here',
    )
  })

  it('refuses hosts that contradict n, and no hosts at all', async () => {
    await expect(start({ hosts: { node1: 2 } }, 3)).rejects.toThrow('the hosts have 2 engines, but n is 3')
    await expect(start({ hosts: [] })).rejects.toThrow('engines over ssh need hosts')
  })
})

/** The options that an ssh_config gives a host, as arguments. */
function knownAs(servers: SshWorld, name: string): string[] {
  const text = readFileSync(servers.config, 'utf8')
  const wanted = /^ {2}(HostName|Port|UserKnownHostsFile) (.*)$/gm
  const block = text.slice(text.indexOf(`Host ${name}\n`))
  return [...block.matchAll(wanted)].flatMap(([, key, value]) => ['-o', `${key}=${value}`])
}
