import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { translateClassicArguments } from '../../../src/cli/classic-arguments.ts'
import { clusterCommand } from '../../../src/cli/cluster-command.ts'
import { withConfiguration } from '../../../src/cli/configured.ts'
import { controllerCommand } from '../../../src/cli/controller-command.ts'
import { engineCommand } from '../../../src/cli/engine-command.ts'
import { SETTINGS } from '../../../src/config/settings.ts'

describe('translateClassicArguments', () => {
  const translate = (...argv: string[]) => translateClassicArguments(argv, new Command('ipcluster'))

  it('makes options of ours of them', () => {
    expect(
      translate(
        'start',
        '--IPClusterEngines.engine_launcher_class=MPIEngineSetLauncher',
        '--IPClusterEngines.n=4',
        '--IPController.reuse_files=True',
        '--Cluster.controller_args=--ping=500',
        '--SSHControllerLauncher.hostname=node0',
        '--profile=mpi',
      ),
    ).toEqual([
      'start',
      '--engines=mpi',
      '--n=4',
      '--reuse',
      '--controller-arg=--ping=500',
      '--launcher-settings={"ssh":{"controllerHost":"node0"}}',
      '--profile=mpi',
    ])
  })

  it('proposes the nearest name for one that is none', () => {
    expect(() => translate('--IPClusterEngines.engine_laucher_class=x')).toThrow(
      'did you mean --IPClusterEngines.engine_launcher_class?',
    )
  })
})

describe('withConfiguration', () => {
  let profileDir: string

  beforeEach(() => {
    profileDir = mkdtempSync(join(tmpdir(), 'configured-'))
  })

  afterEach(() => rmSync(profileDir, { recursive: true }))

  it('lets options win over the file', async () => {
    writeFileSync(
      join(profileDir, 'ipcluster_config.json'),
      JSON.stringify({ n: 8, timeout: 5, engines: { python: 2, node: 1 }, engineArgs: ['--debug'] }),
    )
    expect(await withConfiguration({ profileDir, n: 2 } as never, 'ipcluster')).toEqual({
      profileDir,
      n: 2,
      timeout: 5,
      engines: 'python:2,node:1',
      engineArg: ['--debug'],
    })
  })
})

describe('the settings of files', () => {
  const start = clusterCommand('ipcluster').commands.find(command => command.name() === 'start')!

  it.each([
    [
      'ipcluster',
      start,
      {
        controllerArgs: 'controllerArg',
        engineArgs: 'engineArg',
        env: 'export',
        mpi: 'launcherSettings',
        ssh: 'launcherSettings',
      },
      [],
    ],
    ['ipcontroller', controllerCommand('ipcontroller'), {}, []],
    ['ipengine', engineCommand('ipengine'), {}, []],
  ] as const)('of %s are options of the command, too', (program, command, renamed, onlyInFiles) => {
    const options = new Set(command.options.map(option => option.attributeName()))
    const missing = Object.keys(SETTINGS[program])
      .filter(key => !(onlyInFiles as readonly string[]).includes(key))
      .filter(key => !options.has((renamed as Record<string, string>)[key] ?? key))
    expect(missing).toEqual([])
  })
})
