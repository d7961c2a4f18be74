import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

describe('itsparallel profile', () => {
  it('makes, lists and finds profiles', async () => {
    expect(await world.run('itsparallel', ['profile', 'list'])).toMatchObject({
      stdout: 'There are no profiles: `itsparallel profile create` makes one.\n',
    })
    const folder = join(world.ipythonDir, 'profile_mpi')
    const created = await world.run('itsparallel', ['profile', 'create', '--parallel', '--profile=mpi'])
    expect(created).toMatchObject({ code: 0, stderr: '' })
    expect(created.stdout).toContain(`wrote ${folder}/ipcluster_config.ts`)
    expect((await world.run('itsparallel', ['profile', 'create', 'mpi'])).stdout).toContain('kept')
    const listed = await world.run('itsparallel', ['profile', 'list', '--json'])
    expect(JSON.parse(listed.stdout)).toEqual([{ name: 'mpi', folder }])
    expect((await world.run('itsparallel', ['profile', 'locate', 'mpi'])).stdout).toBe(`${folder}\n`)
  })

  it('proposes a name for one that is not there', async () => {
    await world.run('itsparallel', ['profile', 'create', 'mpi'])
    const { code, stderr } = await world.run('itsparallel', ['profile', 'locate', 'mpl'])
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /there is no profile folder .*profile_mpl; did you mean mpi\? \[ERR_CONFIGURATION\]/,
    )
  })
})

describe('ipcluster start', () => {
  const config = (name: string, text: string) =>
    writeFileSync(join(world.ipythonDir, 'profile_default', name), text)

  it('does what the profile says, but for what the command line says', async () => {
    await world.run('itsparallel', ['profile', 'create'])
    config(
      'ipcluster_config.ts',
      `const n: number = 2
       export default { n, IPClusterEngines: { engine_launcher_class: 'LocalEngineSetLauncher' }, env: { WAVE: 'high' } }`,
    )
    const started = await world.run('ipcluster', ['start', '--daemonize', '--json', '--IPClusterEngines.n=1'])
    expect(started).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(started.stdout).n).toBe(1)
    await world.run('ipcluster', ['stop'])
  })

  it('tells file, line and the right name of a mistake, and starts nothing', async () => {
    await world.run('itsparallel', ['profile', 'create'])
    config('ipcluster_config.ts', 'export default {\n  engnes: 1,\n}\n')
    const { code, stderr } = await world.run('ipcluster', ['start'])
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /ipcluster_config\.ts:2: ipcluster has no setting engnes; did you mean engines\? \[/,
    )
    const classic = await world.run('ipcluster', ['start', '--IPClusterEngines.engine_laucher_class=MPI'])
    expect(classic.stderr).toContain('did you mean --IPClusterEngines.engine_launcher_class?')
    expect(world.processes()).toEqual([])
  })
})
