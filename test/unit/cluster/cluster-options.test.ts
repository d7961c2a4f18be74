import { availableParallelism } from 'node:os'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { clusterPlan, enginePlan, freshClusterId, planScripts } from '../../../src/cluster/cluster-options.ts'
import { controllerLauncher } from '../../../src/cluster/launchers.ts'
import { commandLine } from '../../../src/cluster/program.ts'
import { ConfigurationError, UsageError } from '../../../src/errors.ts'

beforeEach(() => {
  vi.stubEnv('IPYTHONDIR', '/profiles')
  vi.stubEnv('IPP_PROFILE_DIR', '')
  vi.stubEnv('IPP_CLUSTER_ID', '')
})
afterEach(() => vi.unstubAllEnvs())

describe('clusterPlan', () => {
  it('has an engine for each core unless told otherwise', () => {
    expect(clusterPlan({}).n).toBe(availableParallelism())
    expect(clusterPlan({ n: 7 }).n).toBe(7)
  })

  it('leads every program to the same place, by command line', () => {
    const plan = clusterPlan({
      n: 1,
      profile: 'mpi',
      clusterId: 'x',
      ip: '*',
      location: 'here',
      controllerArgs: ['--ping=100'],
      engineArgs: ['--id=5'],
      env: { THREADS: '1' },
    })
    const place = ['--profile-dir=/profiles/profile_mpi', '--cluster-id=x']
    const [controllerPath, ...controllerArgs] = plan.controller!.program.args
    expect(controllerPath).toMatch(/dist\/cli\/ipcontroller\.js$/)
    expect(controllerArgs).toEqual([...place, '--ip=*', '--location=here', '--ping=100'])
    const [set] = plan.engines.sets
    expect(set!.program.args.slice(1)).toEqual([...place, '--timeout=60', '--id=5'])
    expect(set!.program.env.THREADS).toBe('1')
    expect(plan.controller?.program.env.THREADS).toBeUndefined()
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d engines', n => {
    expect(() => clusterPlan({ n })).toThrow(UsageError)
  })

  it('refuses a timeout of nothing', () => {
    expect(() => clusterPlan({ n: 1, timeout: 0 })).toThrow(/timeout/)
  })
})

describe('enginePlan', () => {
  it('has a foreign engine run by its command, in the place of ours', () => {
    const plan = enginePlan({ n: 2, engineCommand: 'conda run ipengine', engineArgs: ['--debug'] })
    expect(plan.engines.sets).toHaveLength(1)
    expect(plan.engines.sets[0]!.program.args.slice(3)).toEqual([
      '--timeout=60',
      '--',
      '/bin/sh',
      '-c',
      'exec conda run ipengine "$@"',
      'ipengine',
      '--debug',
    ])
  })

  it('has no controller of its own', () => {
    expect(enginePlan({ n: 2 })).toMatchObject({ n: 2, controller: undefined, startTimeoutMs: 60_000 })
  })
})

describe('freshClusterId', () => {
  it('is another one each time', () => {
    expect(freshClusterId()).toMatch(/^\d+-[a-z0-9]{4}$/)
    expect(new Set(Array.from({ length: 20 }, freshClusterId)).size).toBeGreaterThan(15)
  })
})

describe('controllerLauncher', () => {
  it('names those that there are', () => {
    expect(controllerLauncher('local', {}, { profileDir: '/p', clusterId: '' }).name).toBe('local')
    expect(() => controllerLauncher('slrum', {}, { profileDir: '/p', clusterId: '' })).toThrow(
      ConfigurationError,
    )
    expect(() => controllerLauncher('toString', {}, { profileDir: '/p', clusterId: '' })).toThrow(
      /no launcher "toString": use one of local, mpi/,
    )
  })

  it('wants to know the host of a controller over ssh', () => {
    expect(() => clusterPlan({ n: 1, controller: 'ssh' })).toThrow(
      'a controller over ssh needs a host: name it with ssh: { controllerHost: "node0" }',
    )
    const ssh = { controllerHost: 'node0' }
    const plan = clusterPlan({
      controller: 'ssh',
      engines: 'ssh',
      ssh: { ...ssh, hosts: { node1: 2 }, node: 'node' },
    })
    expect(planScripts(plan).map(text => text.replace(/\S*\/dist/, 'dist'))).toEqual([
      '# 1 × ipcontroller on node0, started by ssh\nnode dist/cli/ipcontroller.js --cluster-id=\n',
      '# 2 × ipengine on node1, started by ssh\nnode dist/cli/ipengine.js --cluster-id= --timeout=60\n',
    ])
  })
})

describe('commandLine', () => {
  it('quotes what a shell would take apart', () => {
    expect(commandLine({ command: '/bin/node', args: ['--a=b', 'c d', "it's", '*', ''] })).toBe(
      `/bin/node --a=b 'c d' 'it'\\''s' '*' ''`,
    )
  })
})
