import { describe, expect, it, vi } from 'vitest'
import { engineSets, formatEngines, launcherOf, parseEngines } from '../../../src/cluster/engine-sets.ts'
import { ConfigurationError, UsageError } from '../../../src/errors.ts'

describe('parseEngines', () => {
  it.each(['local', 'node', 'python'] as const)('takes %s as it is', text => {
    expect(parseEngines(text)).toBe(text)
    expect(formatEngines(text)).toBe(text)
  })

  it('takes how many of each language', () => {
    expect(parseEngines('python:2,node:3')).toEqual({ python: 2, node: 3 })
    expect(formatEngines({ python: 2, node: 3 })).toBe('python:2,node:3')
  })

  it.each(['python:2,ruby:1', 'python:', 'python:two', 'python:1,python:2', 'python,node', ''])(
    'refuses %j',
    text => {
      expect(() => parseEngines(text)).toThrow(
        /such as --engines=python:2,node:2|use one of local, mpi, .*, node, python|did you mean/,
      )
    },
  )
})

describe('launcherOf', () => {
  it('is local where languages are named', () => {
    expect(launcherOf({})).toBe('local')
    expect(launcherOf({ engines: 'local' })).toBe('local')
    expect(launcherOf({ engines: 'python' })).toBe('local')
    expect(launcherOf({ engines: { node: 1 } })).toBe('local')
  })

  it('is what either option says, and not two', () => {
    expect(launcherOf({ engines: 'mpi' })).toBe('mpi')
    expect(launcherOf({ launcher: 'mpi' })).toBe('mpi')
    expect(launcherOf({ engines: { python: 1 }, launcher: 'ssh' })).toBe('ssh')
    expect(() => launcherOf({ launcher: 'slrum' as 'slurm' })).toThrow('there is no launcher "slrum"')
    expect(() => launcherOf({ engines: 'mpi', launcher: 'ssh' })).toThrow(
      'engines names the launcher mpi, and launcher names ssh: give one of them',
    )
  })
})

describe('engineSets', () => {
  it('is one set of our own engines by default', () => {
    expect(engineSets({ n: 3 })).toEqual([{ n: 3, command: undefined }])
    expect(engineSets({})).toEqual([{ n: undefined, command: undefined }])
    expect(engineSets({ engines: { node: 2 } })).toEqual([{ n: 2, command: undefined }])
  })

  it('leaves the words of a command to the shell', () => {
    expect(engineSets({ n: 1, engineCommand: 'run "a b"' })[0]!.command).toEqual([
      '/bin/sh',
      '-c',
      'exec run "a b" "$@"',
      'ipengine',
    ])
  })

  it('refuses what contradicts itself', () => {
    expect(() => engineSets({ n: 3, engines: { node: 2 } })).toThrow(/node:2 makes 2 engines, but n is 3/)
    expect(() => engineSets({ engines: {} })).toThrow(UsageError)
    expect(() => engineSets({ engines: { node: 0 } })).toThrow(/cannot start 0 engines/)
    expect(() => engineSets({ engines: 'python', engineCommand: 'x' })).toThrow(/not both/)
    expect(() => engineSets({ engines: { node: 1 }, engineCommand: 'x' })).toThrow(/not a mix/)
    expect(() => engineSets({ engineCommand: ' ' })).toThrow(/empty/)
  })

  it('leaves it to other hosts whether they have the Python', () => {
    vi.stubEnv('ITSPARALLEL_PYTHON', '')
    const pythons = ['/no/such/python', undefined].map(
      python => engineSets({ engines: 'python', launcher: 'ssh', python })[0]!.command![0],
    )
    vi.unstubAllEnvs()
    expect(pythons).toEqual(['/no/such/python', 'python3'])
  })

  it('says what to do where there is no Python with ipyparallel', () => {
    expect(() => engineSets({ engines: 'python', python: '/no/such/python' })).toThrow(ConfigurationError)
    vi.stubEnv('ITSPARALLEL_PYTHON', '/bin/false')
    expect(() => engineSets({ engines: 'python' })).toThrow(
      /\/bin\/false \(\$ITSPARALLEL_PYTHON\) is no Python/,
    )
    vi.stubEnv('ITSPARALLEL_PYTHON', '')
    vi.stubEnv('PATH', '/no/such/folder')
    expect(() => engineSets({ engines: 'python' })).toThrow(/no python3 on the PATH has ipyparallel/)
    vi.unstubAllEnvs()
  })
})
