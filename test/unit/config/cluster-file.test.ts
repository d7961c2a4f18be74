import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ClusterRecord,
  clusterFilePath,
  findClusterFiles,
  readClusterFile,
  removeClusterFile,
  writeClusterFile,
} from '../../../src/config/cluster-file.ts'
import { ConfigurationError } from '../../../src/errors.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'cluster-'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

function record(): ClusterRecord {
  return {
    clusterId: 'night',
    profileDir,
    n: 2,
    controllerIp: '',
    controllerLocation: '',
    controllerLauncher: 'local',
    engineLauncher: 'local',
    controller: { pid: 101, outputFile: '/log/c' },
    engineSets: [
      {
        id: 's1',
        engines: [
          { pid: 102, outputFile: '/log/e0' },
          { pid: 103, outputFile: '/log/e1' },
        ],
      },
    ],
  }
}

describe('writeClusterFile', () => {
  it('writes what readClusterFile reads', () => {
    const path = writeClusterFile(record())
    expect(path).toBe(clusterFilePath(profileDir, 'night'))
    expect(readClusterFile(path)).toEqual(record())
    expect(findClusterFiles(profileDir)).toEqual([path])
    removeClusterFile(profileDir, 'night')
    expect(findClusterFiles(profileDir)).toEqual([])
    expect(readClusterFile(path)).toBeUndefined()
  })

  it('writes the keys that Python needs to read it back', () => {
    const written = JSON.parse(readFileSync(writeClusterFile(record()), 'utf8'))
    expect(written.cluster.class).toBe('ipyparallel.cluster.cluster.Cluster')
    expect(written.controller).toEqual({
      class: 'local',
      state: {
        cluster_id: 'night',
        output_file: '/log/c',
        pid: 101,
        profile_dir: profileDir,
        state: 'running',
      },
    })
    expect(written.engines.sets.s1.engines['1'].pid).toBe(103)
  })
})

describe('readClusterFile', () => {
  it('reads what Python wrote, with keys we do not know', () => {
    const path = clusterFilePath(profileDir, '')
    mkdirSync(join(profileDir, 'security'))
    writeFileSync(
      path,
      JSON.stringify({
        cluster: { cluster_id: '', delay: 1, n: null, profile_dir: profileDir, class: 'x', later: 1 },
        controller: { class: 'local', state: { pid: 7, output_file: '/c', later: 2 } },
        engines: { class: 'mpi', sets: { 17: { pid: 8, n: 4 } } },
      }),
    )
    expect(readClusterFile(path)).toMatchObject({
      clusterId: '',
      controller: { pid: 7, outputFile: '/c' },
      engineLauncher: 'mpi',
      engineSets: [{ id: '17', engines: [{ pid: 8, outputFile: '' }] }],
    })
  })

  it.each(['', '[]', '{"cluster":{}}', '{"cluster":{"profile_dir":1}}'])('refuses %j', text => {
    const path = clusterFilePath(profileDir, '')
    mkdirSync(join(profileDir, 'security'))
    writeFileSync(path, text)
    expect(() => readClusterFile(path)).toThrow(ConfigurationError)
  })
})
