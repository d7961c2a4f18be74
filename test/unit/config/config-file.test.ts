import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfiguration } from '../../../src/config/config-file.ts'
import { configTemplate } from '../../../src/config/config-template.ts'
import { createProfile } from '../../../src/config/create-profile.ts'
import { CONFIGURED_PROGRAMS, type ConfiguredProgram, SETTINGS } from '../../../src/config/settings.ts'
import { ConfigurationError } from '../../../src/errors.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const read = (program: ConfiguredProgram = 'ipcluster') => readConfiguration(folder, program)

describe('readConfiguration', () => {
  it('is empty where there is no file', async () => {
    expect(await read()).toEqual({})
  })

  it('takes TypeScript, with types and imports', async () => {
    write(
      'ipcluster_config.ts',
      `import { availableParallelism } from 'node:os'
       const cores: number = Math.min(3, availableParallelism() + 10)
       export default { n: cores, engines: 'node' as const, env: { OMP_NUM_THREADS: '1' } }`,
    )
    expect(await read()).toEqual({ n: 3, engines: 'node', env: { OMP_NUM_THREADS: '1' } })
  })

  it('takes JavaScript and JSON', async () => {
    write('ipcontroller_config.mjs', 'export default { ip: "*", reuse: true }')
    expect(await read('ipcontroller')).toEqual({ ip: '*', reuse: true })
    write('ipengine_config.json', '{ "timeout": 20 }')
    expect(await read('ipengine')).toEqual({ timeout: 20 })
  })

  it('names the nearest launcher for one that is not there', async () => {
    const path = write('ipcluster_config.json', '{\n  "engines": "slrum" }')
    await expect(read()).rejects.toThrow(
      `${path}:2: engines must be one of local, mpi, ssh, pbs, slurm, sge, lsf, htcondor, node, python (did you mean slurm?), and is "slrum"`,
    )
  })

  it('reads a file anew that was changed', async () => {
    write('ipcluster_config.ts', 'export default { n: 1 }')
    expect(await read()).toEqual({ n: 1 })
    write('ipcluster_config.ts', 'export default { n: 2 }')
    expect(await read()).toEqual({ n: 2 })
  })

  it("understands IPython's names, as the slides set them", async () => {
    write(
      'ipcluster_config.ts',
      `import { getConfig } from 'itsparallel/config'
       const c = getConfig()
       c.IPClusterEngines.engine_launcher_class = 'LocalEngineSetLauncher'
       c.IPClusterStart.controller_launcher_class = 'ipyparallel.cluster.launcher.LocalControllerLauncher'
       c.Cluster.n = 8
       c.IPController.ip = '*'
       export default c`,
    )
    expect(await read()).toEqual({ engines: 'local', controller: 'local', n: 8 })
    write(
      'ipcontroller_config.json',
      '{ "TaskScheduler": { "hwm": 1 }, "HubFactory": { "db_class": "NoDB" } }',
    )
    expect(await read('ipcontroller')).toEqual({ hwm: 1, records: 'none' })
  })

  it("reads the settings of launchers, with IPython's names for them", async () => {
    write(
      'ipcluster_config.ts',
      `import { getConfig } from 'itsparallel/config'
       const c = getConfig()
       c.MPILauncher.mpi_cmd = ['/opt/mpi/mpiexec']
       c.MPILauncher.mpi_args = ['--oversubscribe']
       c.SSHEngineSetLauncher.engines = { node1: 4, node2: [8, ['--log-level=debug']] }
       export default c`,
    )
    expect(await read()).toEqual({
      mpi: { command: '/opt/mpi/mpiexec', args: ['--oversubscribe'] },
      ssh: { hosts: { node1: 4, node2: 8 } },
    })
  })

  it('reads the host of a controller, by the class that IPython starts it with', async () => {
    write(
      'ipcluster_config.ts',
      `import { getConfig } from 'itsparallel/config'
       const c = getConfig()
       c.Cluster.controller_launcher_class = 'SSHControllerLauncher'
       c.SSHControllerLauncher.hostname = 'node0'
       c.SSHControllerLauncher.user = 'me'
       c.SSHControllerLauncher.ssh_args = ['-p', '2222']
       c.MPIControllerLauncher.mpi_cmd = ['mpirun']
       export default c`,
    )
    expect(await read()).toEqual({
      controller: 'ssh',
      ssh: { controllerHost: 'node0', controllerUser: 'me', args: ['-p', '2222'] },
      mpi: { command: 'mpirun' },
    })
    write('ipcluster_config.json', '{ "SSHControllerLauncher": { "location": "me@node0" } }')
    rmSync(join(folder, 'ipcluster_config.ts'))
    expect(await read()).toEqual({ ssh: { controllerHost: 'me@node0' } })
  })

  it('says what is wrong within the settings of a launcher', async () => {
    const path = write('ipcluster_config.ts', 'export default {\n  ssh: { host: ["a"] },\n}')
    await expect(read()).rejects.toThrow(`${path}:2: ssh has no host; did you mean hosts?`)
    write('ipcluster_config.ts', 'export default { ssh: { hosts: ["a"], tunnel: "yes" } }')
    await expect(read()).rejects.toThrow(
      'ssh is wrong at tunnel: it must be true, false or auto, and is "yes"',
    )
  })

  it('names file, line and the nearest name for a wrong key', async () => {
    const path = write(
      'ipcluster_config.ts',
      '// engnes = 1\nexport default {\n  n: 4,\n  engnes: "mpi",\n}\n',
    )
    await expect(read()).rejects.toThrow(`${path}:4: ipcluster has no setting engnes; did you mean engines?`)
    write('ipcluster_config.ts', 'export default { IPClusterEngines: { engine_launcher_clas: "MPI" } }')
    await expect(read()).rejects.toThrow(/:1: .* did you mean IPClusterEngines\.engine_launcher_class\?/)
    write('ipcluster_config.ts', 'export default { colour: "red" }')
    await expect(read()).rejects.toThrow(/has no setting colour; known are n, engines, launcher, controller/)
  })

  it.each([
    ['ipcluster', '{ "n": 0 }', 'n must be at least 1, and is 0'],
    ['ipcluster', '{ "n": "four" }', 'n must be number, and is "four"'],
    ['ipcluster', '{ "records": "file" }', 'records must be sql, memory or none, and is "file"'],
    [
      'ipcontroller',
      '{ "scheme": "best" }',
      'scheme must be leastload, lru, plainrandom, weighted or twobin',
    ],
    ['ipcontroller', '{ "reuse": "yes" }', 'reuse must be boolean, and is "yes"'],
    ['ipengine', '{ "timeout": -1 }', 'timeout must be a number of seconds above 0, and is -1'],
  ] as const)('refuses a wrong value: %s %s', async (program, text, problem) => {
    const path = write(`${program}_config.json`, text)
    await expect(read(program)).rejects.toThrow(ConfigurationError)
    await expect(read(program)).rejects.toThrow(`${path}:1: ${problem}`)
  })

  it('says what is wrong with a file that cannot be read', async () => {
    const path = write('ipcluster_config.ts', 'export default {')
    await expect(read()).rejects.toThrow(`${path} cannot be read: `)
    write('ipcluster_config.ts', 'export default 4')
    await expect(read()).rejects.toThrow('exports 4: export an object of settings by default')
    write('ipcluster_config.json', '{}')
    await expect(read()).rejects.toThrow(
      /ipcluster_config\.ts and .*ipcluster_config\.json: keep one of them/,
    )
  })
})

describe('createProfile', () => {
  it('writes files that set nothing, and explain everything', async () => {
    const created = createProfile(folder, { reset: false })
    expect(created.map(({ isNew }) => isNew)).toEqual([true, true, true])
    for (const program of CONFIGURED_PROGRAMS) {
      expect(await readConfiguration(folder, program)).toEqual({})
      for (const key of Object.keys(SETTINGS[program]))
        expect(configTemplate(program)).toContain(`// c.${key} = `)
    }
  })

  it('writes examples that are right once they are no comments any more', async () => {
    for (const program of CONFIGURED_PROGRAMS) {
      const text = configTemplate(program).replaceAll(/^\/\/ c\./gm, 'c.')
      writeFileSync(join(folder, `${program}_config.ts`), text)
      const read = await readConfiguration(folder, program)
      expect(Object.keys(read).sort()).toEqual(Object.keys(SETTINGS[program]).sort())
    }
  })

  it('gathers what batch jobs are given, also by the classic names', async () => {
    write(
      'ipcluster_config.ts',
      `import { getConfig } from 'itsparallel/config'
      const c = getConfig()
      c.batch = { queue: 'debug' }
      c.SlurmEngineSetLauncher.account = 'physics'
      c.BatchSystemLauncher.batch_template = '{command}'
      c.PBSEngineSetLauncher.timelimit = '01:00:00'
      export default c`,
    )
    expect(await read()).toEqual({
      batch: { queue: 'debug', account: 'physics', template: '{command}', walltime: '01:00:00' },
    })
    write('ipcluster_config.ts', 'export default {\n  batch: { quee: "debug" }\n}')
    await expect(read()).rejects.toThrow(/ipcluster_config\.ts:2: batch has no quee; did you mean queue\?/)
  })

  it('keeps files that are there, unless it is told to write them anew', async () => {
    createProfile(folder, { reset: false })
    write('ipcluster_config.ts', 'export default { n: 7 }')
    expect(createProfile(folder, { reset: false }).map(({ isNew }) => isNew)).toEqual([false, false, false])
    expect(await read()).toEqual({ n: 7 })
    createProfile(folder, { reset: true })
    expect(await read()).toEqual({})
  })
})
