/** Clusters whose controller runs on a host that is reached over ssh: here real sshds on ports of this machine. */

import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { Cluster, type ClusterOptions } from 'itsparallel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWorld, eventually, firstPort, listeningAddresses } from '../support/cluster-world.ts'
import { hasSshd, SshWorld } from '../support/sshd.ts'

let world: ClusterWorld
let ssh: SshWorld
beforeEach(() => {
  world = new ClusterWorld()
  // The sign by which the world finds its processes; a host knows nothing of our environment.
  ssh = new SshWorld({ IPYTHONDIR: world.ipythonDir })
  vi.stubEnv('IPYTHONDIR', world.ipythonDir)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await world.close()
  await ssh.close()
})

function start(options: ClusterOptions = {}): Promise<Cluster> {
  return Cluster.start(optionsFor(options))
}

function optionsFor(options: ClusterOptions): ClusterOptions {
  const { ssh: settings, ...others } = options
  return {
    n: 2,
    controller: 'ssh',
    ssh: { controllerHost: 'node0', args: ['-F', ssh.config], ...settings },
    ...others,
  }
}

async function expectNothingLeft(): Promise<void> {
  // What ran on the hosts ends with its connection, a moment later.
  await eventually(() => world.processes().length === 0 && ssh.leftovers().length === 0)
  expect(world.files()).toEqual([])
}

/** The controller's own process, on its host. */
function controllerPid(): number {
  const isIt = (pid: number): boolean => /^\S*node \S*ipcontroller\.js /.test(world.commandLine(pid))
  const found = world.processes().filter(isIt)
  expect(found).toHaveLength(1)
  return found[0]!
}

function connections(option: '-L' | '-R'): string[] {
  return world.commandLines().filter(line => line.startsWith('ssh ') && line.includes(` ${option} `))
}

const sum = (cluster: Cluster): Promise<number[]> =>
  cluster.connect().then(async rc => {
    try {
      return await rc.loadBalancedView().map(i => i * i, [1, 2, 3])
    } finally {
      await rc.close()
    }
  })

const present = hasSshd()

describe.skipIf(!present)(
  `a controller over ssh${present ? '' : ' (skipped: openssh-server is not installed)'}`,
  () => {
    it('that listens on its own machine only is reached through the connection, and nobody sees the key', async () => {
      await ssh.serve({ name: 'node0' })
      const cluster = await start()
      expect(await sum(cluster)).toEqual([1, 4, 9])
      expect(connections('-L')).toHaveLength(1)
      const own = listeningAddresses([controllerPid()])
      expect(own).toHaveLength(14)
      const file = readFileSync(cluster.connectionFile, 'utf8')
      const { key, registration, location } = JSON.parse(file) as Record<string, unknown>
      expect(own).not.toContain(`127.0.0.1:${registration}`)
      expect(location).toBe(hostname())
      expect(statSync(cluster.connectionFile).mode & 0o777).toBe(0o600)
      const everything = world
        .processes()
        .map(pid => world.commandLine(pid) + readFileSync(`/proc/${pid}/environ`, 'latin1'))
      expect(everything.length).toBeGreaterThan(5)
      expect(everything.filter(text => text.includes(String(key)))).toEqual([])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('that listens to all is reached directly, at the address of its host', async () => {
      await ssh.serve({ name: 'node0' })
      const cluster = await start({ ip: '*' })
      expect(connections('-L')).toEqual([])
      const { interface: address, location } = JSON.parse(readFileSync(cluster.connectionFile, 'utf8'))
      expect([address, location]).toEqual(['tcp://*', '127.0.0.1'])
      expect(await sum(cluster)).toEqual([1, 4, 9])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('that listens to all is reached through the connection where nothing else leads there', async () => {
      await ssh.serve({ name: 'node0' })
      const cluster = await start({ ip: '*', location: 'nowhere.invalid' })
      expect(connections('-L')).toHaveLength(1)
      expect(await sum(cluster)).toEqual([1, 4, 9])
      await cluster.stop()
      await expectNothingLeft()
    })

    it('has engines on its host, which find it there, and on others, which find it through here', async () => {
      await ssh.serve({ name: 'node0' })
      await ssh.serve({ name: 'node1' })
      const cluster = await start({
        n: undefined,
        engines: 'ssh',
        ssh: { hosts: { node0: 2, node1: 1 } },
        env: { IPYTHONDIR: world.ipythonDir },
      })
      const reverse = connections('-R')
      expect(reverse).toHaveLength(1)
      expect(reverse[0]).toContain(' node1 ')
      expect(await sum(cluster)).toEqual([1, 4, 9])
      expect(await cluster.addEngines(1)).toEqual([3])
      await cluster.scale(2)
      await using rc = await cluster.connect()
      await eventually(() => rc.ids.length === 2)
      await rc.close()
      await cluster.stop()
      await expectNothingLeft()
    })

    it('takes its settings from the profile here, and ports that are given', async () => {
      await ssh.serve({ name: 'node0' })
      const profile = join(world.ipythonDir, 'profile_default')
      mkdirSync(profile)
      const configuration = {
        controller: 'SSHControllerLauncher',
        'SSHControllerLauncher.hostname': 'node0',
        'SSHControllerLauncher.ssh_args': ['-F', ssh.config],
        n: 1,
      }
      writeFileSync(join(profile, 'ipcluster_config.json'), JSON.stringify(configuration))
      writeFileSync(join(profile, 'ipcontroller_config.json'), JSON.stringify({ scheme: 'lru' }))
      const first = firstPort()
      const args = ['start', '--daemonize', `--controller-arg=--ports=${first}-${first + 13}`]
      expect(await world.run('ipcluster', args)).toMatchObject({ code: 0, stderr: '' })
      const cluster = await Cluster.attach()
      expect(JSON.parse(readFileSync(cluster.connectionFile, 'utf8')).task_scheme).toBe('lru')
      const ports = listeningAddresses([controllerPid()]).map(address => Number(address.split(':')[1]))
      expect(ports.sort()).toEqual(Array.from({ length: 14 }, (_, i) => first + i))
      expect((await world.run('ipcluster', ['list'])).stdout).toMatch(/running/)
      expect(await sum(cluster)).toEqual([1, 4, 9])
      // Engines that somebody else adds know as well that its host is theirs.
      const hosts = '--launcher-settings={"ssh":{"hosts":["node0"]}}'
      const added = await world.run('ipcluster', ['engines', '--n=1', '--engines=ssh', hosts, '--daemonize'])
      expect(added).toMatchObject({ code: 0, stderr: '' })
      expect(connections('-R')).toEqual([])
      await using rc = await cluster.connect()
      expect(rc.ids).toEqual([0, 1])
      await rc.close()
      expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
      await eventually(() => world.processes().length === 0 && ssh.leftovers().length === 0)
      expect(world.files().filter(file => !file.endsWith('_config.json') && !file.includes('/log/'))).toEqual(
        [],
      )
    })

    it('keeps records in a database on its host where that is asked for', async () => {
      await ssh.serve({ name: 'node0' })
      const cluster = await start({ n: 1, records: 'sql', detached: true })
      expect(await sum(cluster)).toEqual([1, 4, 9])
      await cluster.stop()
      await expectNothingLeft()
      const database = join(cluster.profileDir, 'db', `ipcontroller-${cluster.clusterId}.db`)
      expect(existsSync(database)).toBe(true)
    })

    it('is tried out by the doctor, who stops where it cannot be had', async () => {
      await ssh.serve({ name: 'node0' })
      const doctor = (host: string) => {
        const settings = JSON.stringify({
          ssh: { ...optionsFor({}).ssh, controllerHost: host, hosts: ['node0'] },
        })
        return world.run('itsparallel', [
          'doctor',
          '--controller=ssh',
          '--engines=ssh',
          `--launcher-settings=${settings}`,
        ])
      }
      const well = await doctor('node0')
      expect([well.code, well.stderr]).toEqual([0, ''])
      expect(well.stdout).toMatch(/^ok +configuration .*controller by ssh, engines by ssh$/m)
      expect(well.stdout).toMatch(/^ok +controller +process \d+$/m)
      expect(well.stdout).toMatch(/^ok +task .*\nok +stop +nothing runs any more$/m)
      ssh.know('deaf', 'HostName 127.0.0.1', 'Port 1')
      const ill = await doctor('deaf')
      expect(ill.code).toBe(1)
      expect(ill.stdout).toMatch(
        /^FAILED +controller +ipcontroller could not be started \(no ssh server answers at deaf\)/m,
      )
      expect(ill.stdout).toContain('hint: is the host up')
      await expectNothingLeft()
    })

    it('says which of its ports is taken on its host', async () => {
      await ssh.serve({ name: 'node0' })
      const first = firstPort()
      const server = createServer().listen(first + 3, '127.0.0.1')
      await once(server, 'listening')
      const start = world.run('ipcluster', [
        'start',
        '--n=1',
        '--controller=ssh',
        `--launcher-settings=${JSON.stringify({ ssh: optionsFor({}).ssh })}`,
        `--controller-arg=--ports=${first}-${first + 13}`,
      ])
      const { code, stderr } = await start
      server.close()
      expect(code).toBe(1)
      expect(stderr).toMatch(/ipcontroller ended with exit code 1 before it was ready/)
      expect(stderr).toContain(`127.0.0.1:${first + 3}`)
      await expectNothingLeft()
    })

    it('ends where it was started in the way that ssh shares its connections', async () => {
      await ssh.serve({ name: 'node0' })
      const path = `ControlPath ${ssh.folder}/control`
      ssh.alias('shared', 'node0', 'ControlMaster auto', 'ControlPersist 60', path)
      const cluster = await start({ ssh: { controllerHost: 'shared' } })
      await cluster.stop()
      await expectNothingLeft()
      expect(existsSync(join(ssh.folder, 'control'))).toBe(false)
    })

    it.each(['SIGKILL', 'SIGINT'] as const)(
      'ends on its host, and its files here, with a keeper that gets %s',
      async signal => {
        await ssh.serve({ name: 'node0' })
        const settings = JSON.stringify({ ssh: optionsFor({}).ssh })
        const keeper = world.start('ipcluster', [
          'start',
          '--n=1',
          '--controller=ssh',
          `--launcher-settings=${settings}`,
        ])
        await keeper.printed(/1 engines are up/)
        process.kill(keeper.pid, signal)
        await keeper.finished
        await expectNothingLeft()
      },
    )

    it('ends with its keeper also where nothing of the cluster runs here', async () => {
      await ssh.serve({ name: 'node0' })
      const settings = JSON.stringify({ ssh: { ...optionsFor({}).ssh, hosts: ['node0'] } })
      const keeper = world.start('ipcluster', [
        'start',
        '--controller=ssh',
        '--engines=ssh',
        '--n=1',
        `--launcher-settings=${settings}`,
      ])
      await keeper.printed(/1 engines are up/)
      process.kill(keeper.pid, 'SIGKILL')
      await keeper.finished
      await expectNothingLeft()
    })

    it.each([
      ['the controller', () => controllerPid(), /was ended by|ended with exit code/],
      ['its connection', () => connectionPid(line => !line.includes(' -L ')), /was ended by SIGKILL/],
      ['the tunnel', () => connectionPid(line => line.includes(' -L ')), /was ended by SIGKILL/],
    ])('takes the cluster along when %s is killed', async (_, pid, how) => {
      await ssh.serve({ name: 'node0' })
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const cluster = await start({ n: 1 })
      process.kill(pid(), 'SIGKILL')
      const failure = await cluster.ended
      warning.mockRestore()
      expect(failure?.message).toContain('The cluster was stopped')
      expect(failure?.message).toMatch(how)
      await cluster.stop()
      await expectNothingLeft()
    })
  },
)

function connectionPid(isIt: (line: string) => boolean): number {
  const found = world.processes().filter(pid => {
    const line = world.commandLine(pid)
    return line.startsWith('ssh ') && isIt(line)
  })
  expect(found).toHaveLength(1)
  return found[0]!
}

describe.skipIf(!present)('a controller over ssh that cannot start', () => {
  const failing = async (options: ClusterOptions): Promise<string> => {
    const error = await start(options).then(
      () => expect.unreachable('it started'),
      (reason: unknown) => reason as Error,
    )
    await expectNothingLeft()
    return error.message
  }

  it('says that the host refuses the key, or is not there', async () => {
    await ssh.serve({ name: 'node0' })
    ssh.alias('stranger', 'node0', 'IdentityFile /dev/null', 'PubkeyAuthentication no')
    const message = await failing({ ssh: { controllerHost: 'stranger' } })
    expect(message).toContain('ipcontroller could not be started (stranger refuses the key).')
    expect(message).toContain('hint: make `ssh stranger` work without a question')
    ssh.know('deaf', 'HostName 127.0.0.1', 'Port 1')
    expect(await failing({ ssh: { controllerHost: 'deaf' } })).toContain('(no ssh server answers at deaf)')
  })

  it('says that there is no ssh, no node there, or no itsparallel', async () => {
    await ssh.serve({ name: 'node0' })
    expect(await failing({ ssh: { command: 'ssh-of-nobody' } })).toContain(
      '(ssh-of-nobody is not on this machine)',
    )
    expect(await failing({ ssh: { node: '/opt/no/node' } })).toContain('there is no /opt/no/node here')
    expect(await failing({ ssh: { packagePath: '/opt/no' } })).toContain(
      'there is no /opt/no/dist/cli/ipcontroller.js here',
    )
  })

  it('says what the controller said when it died at once', async () => {
    await ssh.serve({ name: 'node0' })
    const message = await failing({ controllerArgs: ['--scheme=alphabetical'] })
    expect(message).toMatch(/ipcontroller ended with exit code 2 before it was ready/)
    expect(message).toContain('alphabetical')
    expect(message).toContain('command: ssh -T')
  })

  it('says that the host forwards no ports', async () => {
    await ssh.serve({ name: 'node0', options: ['AllowTcpForwarding no'] })
    const message = await failing({})
    expect(message).toContain('ipcontroller could not be started (node0 forwards no ports)')
    expect(message).toContain('AllowTcpForwarding')
  })

  it('says that this machine does not reach it where no tunnel is wanted', async () => {
    await ssh.serve({ name: 'node0' })
    const message = await failing({
      ip: '*',
      location: 'nowhere.invalid',
      ssh: { tunnel: false, connectTimeout: 1 },
    })
    expect(message).toContain('(it listens at nowhere.invalid, which this machine does not reach)')
    expect(message).toContain('ssh: { tunnel: "auto" }')
  })

  it('refuses to reuse files, wherever that is said', async () => {
    await ssh.serve({ name: 'node0' })
    const refusal = 'a controller over ssh cannot reuse connection files'
    await expect(start({ controllerArgs: ['--reuse'] })).rejects.toThrow(refusal)
    const profile = join(world.ipythonDir, 'profile_default')
    mkdirSync(profile, { recursive: true })
    const file = join(profile, 'ipcontroller_config.json')
    writeFileSync(file, '{ "reuse": true }')
    await expect(start()).rejects.toThrow(refusal)
    rmSync(file)
    await expectNothingLeft()
  })

  it('is given up when its start is', async () => {
    await ssh.serve({ name: 'node0' })
    const giveUp = new AbortController()
    const started = start({ signal: giveUp.signal })
    await eventually(() => connections('-L').length > 0)
    giveUp.abort(new Error('no longer wanted'))
    await expect(started).rejects.toThrow('no longer wanted')
    await expectNothingLeft()
  })
})

/** Takes the ports of the first forwarding that it is asked for, and then is ssh: so the other end refuses for real. */
const PORT_THIEF = `#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
const args = process.argv.slice(2)
const at = args.findIndex(arg => arg === '-L' || arg === '-R')
const mark = process.env.THIEF_MARK
if (at !== -1 && !existsSync(mark)) {
  writeFileSync(mark, args[at + 1])
  const server = createServer().listen(Number(args[at + 1].split(':')[1]), '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
}
const ssh = spawn('ssh', args, { stdio: 'inherit' })
ssh.once('exit', (code, signal) => process.exit(code ?? 1))
`

describe.skipIf(!present)('a tunnel whose ports are taken', () => {
  it.each(['-L', '-R'] as const)('is made with others (%s)', async option => {
    await ssh.serve({ name: 'node0' })
    const thief = join(ssh.folder, 'ssh-thief.mjs')
    const mark = join(ssh.folder, 'taken')
    writeFileSync(thief, PORT_THIEF, { mode: 0o755 })
    vi.stubEnv('THIEF_MARK', mark)
    const settings = { args: ['-F', ssh.config], command: thief }
    const cluster =
      option === '-L'
        ? await start({ n: 1, ssh: settings })
        : await Cluster.start({
            engines: 'ssh',
            ssh: { ...settings, hosts: ['node0'] },
            env: { IPYTHONDIR: world.ipythonDir },
          })
    expect(await sum(cluster)).toEqual([1, 4, 9])
    expect(readFileSync(mark, 'utf8')).toMatch(/^127\.0\.0\.1:\d+:127\.0\.0\.1:\d+$/)
    const taken = readFileSync(mark, 'utf8').split(':')[1]!
    const engineFile = cluster.connectionFile.replace('-client.json', '-engine.json')
    expect(existsSync(dirname(engineFile))).toBe(true)
    const lines = world.commandLines().filter(line => line.startsWith('ssh ') && line.includes(` ${option} `))
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain(`127.0.0.1:${taken}:`)
    await cluster.stop()
    await expectNothingLeft()
  })
})
