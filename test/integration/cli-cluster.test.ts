import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterWorld, eventually, listeningAddresses } from '../support/cluster-world.ts'

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

function expectNothingLeft(): void {
  expect(world.processes()).toEqual([])
  expect(world.files()).toEqual([])
}

describe('ipcluster start --daemonize', () => {
  it('goes on in the background until ipcluster stop, which leaves nothing', async () => {
    const started = await world.run('ipcluster', ['start', '--n=2', '--daemonize', '--json'])
    expect(started).toMatchObject({ code: 0, stderr: '' })
    const { pid, connectionFile } = JSON.parse(started.stdout)
    expect(world.processes()).toContain(pid)
    expect(statSync(connectionFile).mode & 0o777).toBe(0o600)

    const listed = await world.run('ipcluster', ['list', '--json'])
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { profile: 'default', clusterId: '', state: 'running', engines: 2, pid, launcher: 'local' },
    ])
    const status = await world.run('ipcluster', ['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({
      unassigned: 0,
      engines: [
        { id: 0, queue: 0 },
        { id: 1, queue: 0 },
      ],
    })

    const stopped = await world.run('ipcluster', ['stop'])
    expect(stopped).toMatchObject({ code: 0, stdout: 'Stopped.\n', stderr: '' })
    expectNothingLeft()
    const again = await world.run('ipcluster', ['stop'])
    expect(again.code).toBe(1)
    expect(again.stderr).toMatch(/no cluster is running on profile default.*\[ERR_NOT_RUNNING\]/)
  })

  it('listens on this machine only, in the controller alone, and shows the key to nobody', async () => {
    const started = await world.run('ipcluster', ['start', '--n=1', '--daemonize'])
    expect(started.code).toBe(0)
    const client = world.startProgram(`
      import { Client } from 'itsparallel'
      const rc = await Client.connect()
      console.log(await rc.at(0).apply(() => 'connected'))
    `)
    await client.printed(/connected/)
    const pids = world.processes()
    const listening = pids.filter(pid => listeningAddresses([pid]).length > 0)
    expect(listening.map(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))).toEqual([
      expect.stringContaining('ipcontroller.js'),
    ])
    const addresses = listeningAddresses(pids)
    expect(addresses.filter(address => !address.startsWith('127.0.0.1:'))).toEqual([])

    const profile = join(world.ipythonDir, 'profile_default')
    const security = join(profile, 'security')
    expect(statSync(security).mode & 0o777).toBe(0o700)
    const { key } = JSON.parse(readFileSync(join(security, 'ipcontroller-client.json'), 'utf8'))
    expect(key.length).toBeGreaterThan(20)
    expect(world.commandLines().join('\n') + started.stdout + client.stderr).not.toContain(key)
    for (const pid of pids) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(key)
    const holders = readdirSync(profile, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .filter(path => readFileSync(path).includes(key))
    expect(holders.map(path => path.slice(security.length + 1)).sort()).toEqual([
      'ipcontroller-client.json',
      'ipcontroller-engine.json',
    ])
    for (const path of holders) expect(statSync(path).mode & 0o777).toBe(0o600)

    process.kill(client.pid)
    await client.finished
    await world.run('ipcluster', ['stop'])
    expectNothingLeft()
    expect(listeningAddresses().filter(address => addresses.includes(address))).toEqual([])
  })

  it('listens where --ip says', async () => {
    await world.run('ipcluster', ['start', '--n=1', '--daemonize', '--controller-arg=--ip=127.0.0.2'])
    const addresses = listeningAddresses(world.processes())
    expect(addresses.length).toBeGreaterThan(0)
    expect(addresses.filter(address => !address.startsWith('127.0.0.2:'))).toEqual([])
    await world.run('ipcluster', ['stop'])
    expectNothingLeft()
  })

  it('refuses a second cluster in the same place, and starts one with another id', async () => {
    await world.run('ipcluster', ['start', '--n=1', '--daemonize'])
    const second = await world.run('ipcluster', ['start', '--n=1', '--daemonize'])
    expect(second.code).not.toBe(0)
    expect(second.stderr).toMatch(/a cluster is already running on profile default \(process \d+\)/)
    const other = await world.run('ipcluster', ['start', '--n=1', '--daemonize', '--cluster-id=b'])
    expect(other).toMatchObject({ code: 0, stderr: '' })
    const listed = JSON.parse((await world.run('ipcluster', ['list', '--json'])).stdout)
    expect(listed.map((cluster: { clusterId: string }) => cluster.clusterId).sort()).toEqual(['', 'b'])
    await world.run('ipcluster', ['stop', '--cluster-id=b'])
    await world.run('ipcluster', ['stop'])
    expectNothingLeft()
  })

  it('says why it failed, and leaves nothing running', async () => {
    const taken: Server = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const failed = await world.run('ipcluster', [
      'start',
      '--n=1',
      '--daemonize',
      `--controller-arg=--port=${port}`,
    ])
    taken.close()
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/ipcontroller ended with exit code \d+ before it was ready/)
    expect(failed.stderr).toContain(`127.0.0.1:${port}`)
    expect(failed.stderr).toContain('[ERR_SUBMIT]')
    expectNothingLeft()
  })
})

describe('ipcluster start', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends everything at %s', async signal => {
    const cluster = world.start('ipcluster', ['start', '--n=2'])
    await cluster.printed(/2 engines are up/)
    cluster.child.kill(signal)
    expect(await cluster.finished).toMatchObject({ code: 0, stderr: '' })
    expectNothingLeft()
  })

  it('gives a start up at ^C', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=2'])
    await cluster.printed(/Starting a controller/)
    cluster.child.kill('SIGINT')
    expect(await cluster.finished).toMatchObject({ code: 0, stderr: '' })
    expectNothingLeft()
  })

  it('fails when the time for it is up', async () => {
    const failed = await world.run('ipcluster', ['start', '--n=1', '--timeout=0.01'])
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/not ready within 0.01 s.*\[ERR_SUBMIT\]/)
    expectNothingLeft()
  })
})

describe('ipcluster start with an engine that will not end', () => {
  it('ends it by force at the second ^C', async () => {
    const cluster = world.start('ipcluster', ['start', '--n=1'])
    await cluster.printed(/1 engines are up/)
    const blocker = world.startProgram(`
      import { Client } from 'itsparallel'
      const rc = await Client.connect()
      rc.on('stdout', () => console.log('blocked'))
      rc.at(0).execute('console.log("x"); for (;;) {}')
    `)
    await blocker.printed(/blocked/)
    blocker.child.kill('SIGKILL')
    cluster.child.kill('SIGINT')
    await cluster.printed(/SIGINT: stopping/)
    cluster.child.kill('SIGINT')
    expect(await cluster.finished).toMatchObject({ code: 0, stderr: '' })
    expectNothingLeft()
  })
})

describe('ipcluster start --daemonize with engines that die', () => {
  it('replaces them, and keeps a log of it', async () => {
    expect((await world.run('ipcluster', ['start', '--n=1', '--daemonize'])).code).toBe(0)
    const engine = world.processes().find(pid => world.commandLine(pid).includes('ipengine.js'))!
    process.kill(engine, 'SIGKILL')
    await eventually(() => world.files().some(file => file.startsWith('profile_default/log/ipcluster-')))
    const name = world.files().find(file => file.startsWith('profile_default/log/'))!
    const log = () => readFileSync(join(world.ipythonDir, name), 'utf8')
    await eventually(() => log().includes('engine 0 was ended by SIGKILL; another takes its place'))
    expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
    expect(world.processes()).toEqual([])
    expect(world.files()).toEqual([name])
  })
})

describe('ipcluster engines', () => {
  it('adds engines, which end by themselves or with their cluster', async () => {
    await world.run('ipcluster', ['start', '--n=1', '--daemonize'])
    const more = world.start('ipcluster', ['engines', '--n=2'])
    await more.printed(/Engines 1, 2 are up/)
    const engineCount = async () =>
      JSON.parse((await world.run('ipcluster', ['status', '--json'])).stdout).engines.length
    expect(await engineCount()).toBe(3)
    more.child.kill('SIGINT')
    expect(await more.finished).toMatchObject({ code: 0 })
    expect(await engineCount()).toBe(1)

    const daemon = await world.run('ipcluster', ['engines', '--n=1', '--daemonize'])
    expect(daemon).toMatchObject({ code: 0, stderr: '' })
    expect((await world.run('ipcluster', ['stop'])).code).toBe(0)
    expectNothingLeft()
  })

  it('says that there is no cluster to join', async () => {
    const alone = await world.run('ipcluster', ['engines', '--n=1'])
    expect(alone.code).toBe(1)
    expect(alone.stderr).toMatch(/no controller is running on profile default/)
    expectNothingLeft()
  })
})

describe('ipcluster clean', () => {
  it('removes what a controller that was killed has left, and nothing that is in use', async () => {
    const controller = world.start('ipcontroller', [])
    await eventually(() => world.files().length === 3)
    expect((await world.run('ipcluster', ['clean', '--json'])).stdout).toContain('"removed": []')
    controller.child.kill('SIGKILL')
    await controller.finished
    expect(world.files()).toHaveLength(3)
    const cleaned = await world.run('ipcluster', ['clean', '--json'])
    expect(JSON.parse(cleaned.stdout).removed).toHaveLength(3)
    expectNothingLeft()
  })
})

describe('ipcontroller --reuse', () => {
  it('listens on the same ports with the same key again', async () => {
    const clientFile = join(world.ipythonDir, 'profile_default', 'security', 'ipcontroller-client.json')
    const written: string[] = []
    for (let i = 0; i < 2; i++) {
      const controller = world.start('ipcontroller', ['--reuse', '--log-level=info'])
      await controller.logged(/listening on/)
      written.push(readFileSync(clientFile, 'utf8'))
      controller.child.kill('SIGTERM')
      expect(await controller.finished).toMatchObject({ code: 0 })
    }
    expect(written[0]).toBe(written[1])
    expect(world.files()).toHaveLength(2)
  })

  it('is refused while the port is in use by something else', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const result = await world.run('ipcontroller', [`--port=${port}`])
    taken.close()
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*\\[ERR_CONNECTION\\]`))
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
    expectNothingLeft()
  })
})

describe('wrong input to commands', () => {
  it.each([
    ['ipcluster', ['start', '--n=0'], 2, /--n=0: .*ipcluster engines --n=4.*\[ERR_USAGE\]/],
    ['ipcluster', ['start', '--n=four'], 2, /--n=four: give the number of engines/],
    ['ipcluster', ['start', '--profil=x'], 2, /unknown option '--profil=x'.*Did you mean --profile\?/],
    ['ipcluster', ['strat'], 2, /unknown command 'strat'.*start/],
    ['ipcluster', [], 2, /which command\?/],
    ['ipcluster', ['start', '--engines=slrum'], 2, /no launcher "slrum": did you mean slurm/],
    ['ipcluster', ['start', '--profile=../x'], 2, /"..\/x" cannot be a profile/],
    ['ipcluster', ['start', '--timeout=soon'], 2, /--timeout=soon: give a number/],
    ['ipcluster', ['status'], 1, /is a controller running\?/],
    ['ipcontroller', ['--scheme=fastest'], 2, /no scheme "fastest".*leastload/],
    ['ipcontroller', ['--log-level=loud'], 2, /"loud" is no log level/],
    ['ipcontroller', ['--ports=1-3'], 2, /needs \d+ ports, these are 3/],
    ['ipengine', ['--timeout=0.01'], 1, /did not appear within 0.01 s.*ipcluster start/],
    ['ipengine', ['--file=/nowhere/engine.json', '--timeout=0'], 1, /\/nowhere\/engine.json did not appear/],
    ['itsparallel', ['cluster', 'stop'], 1, /no cluster is running/],
  ] as const)('%s %j gives one clear error', async (command, args, code, message) => {
    const result = await world.run(command, args)
    expect(result.stderr).toMatch(message)
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(result).toMatchObject({ code, stdout: '' })
    expectNothingLeft()
  })

  it('shows the trace with --debug', async () => {
    const result = await world.run('ipcluster', ['stop', '--debug'])
    expect(result.stderr).toMatch(/NotRunningError[\s\S]*at .*stop-cluster/)
  })
})

describe('every command', () => {
  it.each([
    ['ipcluster', []],
    ['ipcluster', ['start']],
    ['ipcluster', ['list']],
    ['ipcontroller', []],
    ['ipengine', []],
    ['itsparallel', []],
    ['itsparallel', ['cluster', 'stop']],
    ['itsparallel', ['controller']],
  ] as const)('%s %j has --help', async (command, args) => {
    const help = await world.run(command, [...args, '--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(/^Usage: /)
  })

  it('has --version', async () => {
    for (const command of ['ipcluster', 'ipcontroller', 'ipengine', 'itsparallel']) {
      expect((await world.run(command, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    }
  })

  it('accepts what Python scripts give ipcontroller', async () => {
    const args = ['--profile=iptest', '--log-level=10', '--ping=250', '--dictdb', '--cluster-id=c']
    const controller = world.start('ipcontroller', args)
    await eventually(() => world.files().includes('profile_iptest/security/ipcontroller-c-client.json'))
    controller.child.kill('SIGTERM')
    expect(await controller.finished).toMatchObject({ code: 0 })
    expectNothingLeft()
  })
})
