import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  checkedClusterId,
  ipythonDir,
  makePrivateDirectory,
  profileDirectories,
  profileDirectory,
  profileName,
} from '../../../src/config/profile.ts'
import { ConfigurationError } from '../../../src/errors.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'profile-'))
  vi.stubEnv('IPYTHONDIR', folder)
  vi.stubEnv('IPP_PROFILE_DIR', '')
  vi.stubEnv('IPP_CLUSTER_ID', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

describe('ipythonDir', () => {
  it('is $IPYTHONDIR, else ~/.ipython', () => {
    expect(ipythonDir()).toBe(folder)
    vi.stubEnv('IPYTHONDIR', '~/elsewhere')
    expect(ipythonDir()).toBe(join(homedir(), 'elsewhere'))
    vi.stubEnv('IPYTHONDIR', '')
    expect(ipythonDir()).toBe(join(homedir(), '.ipython'))
  })
})

describe('profileDirectory', () => {
  it('is the default profile when nothing is said', () => {
    expect(profileDirectory()).toBe(join(folder, 'profile_default'))
  })

  it('takes a directory before a name, and a name before $IPP_PROFILE_DIR', () => {
    vi.stubEnv('IPP_PROFILE_DIR', '/from/environment')
    expect(profileDirectory()).toBe('/from/environment')
    expect(profileDirectory({ profile: 'mpi' })).toBe(join(folder, 'profile_mpi'))
    expect(profileDirectory({ profile: 'mpi', profileDir: '/given' })).toBe('/given')
  })

  it.each(['../x', 'a/b', '.hidden', '-x', 'a b', 'x'.repeat(101)])('refuses the name %j', name => {
    expect(() => profileDirectory({ profile: name })).toThrow(ConfigurationError)
  })
})

describe('profileName', () => {
  it('is the name inside the base directory, and the path elsewhere', () => {
    expect(profileName(join(folder, 'profile_mpi'))).toBe('mpi')
    expect(profileName('/srv/profile_mpi')).toBe('/srv/profile_mpi')
  })
})

describe('profileDirectories', () => {
  it('lists the profiles that exist', () => {
    expect(profileDirectories()).toEqual([])
    makePrivateDirectory(join(folder, 'profile_b'))
    makePrivateDirectory(join(folder, 'profile_a'))
    expect(profileDirectories()).toEqual([join(folder, 'profile_a'), join(folder, 'profile_b')])
  })
})

describe('checkedClusterId', () => {
  it('is what is given, else $IPP_CLUSTER_ID, else empty', () => {
    expect(checkedClusterId()).toBe('')
    vi.stubEnv('IPP_CLUSTER_ID', 'night')
    expect(checkedClusterId()).toBe('night')
    expect(checkedClusterId('')).toBe('')
    expect(checkedClusterId('day')).toBe('day')
    expect(() => checkedClusterId('../day')).toThrow(/cluster id/)
  })
})

describe('makePrivateDirectory', () => {
  it('closes a folder that was open to others', () => {
    const path = join(folder, 'open')
    makePrivateDirectory(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })
})
