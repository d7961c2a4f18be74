import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeClusterFile } from '../../../src/config/cluster-file.ts'
import { connectionFilePaths } from '../../../src/config/connection-files.ts'
import { findPidRecords, pidRecord, writePidFile } from '../../../src/config/pid-file.ts'
import { sweepCluster } from '../../../src/config/sweep.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'sweep-'))
  mkdirSync(join(profileDir, 'security'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const gone = { pid: process.pid, startTicks: 1 }

function leaveFiles(controllerRuns: boolean): void {
  for (const path of Object.values(connectionFilePaths(join(profileDir, 'security'), 'x'))) {
    writeFileSync(path, '{}')
  }
  const controller = pidRecord('controller', 'x', process.pid)
  writePidFile(profileDir, controllerRuns ? controller : { ...controller, process: gone })
  writePidFile(profileDir, { ...pidRecord('cluster', 'x', process.pid), process: gone })
  writeClusterFile({
    clusterId: 'x',
    profileDir,
    n: 0,
    controllerIp: '',
    controllerLocation: '',
    controllerLauncher: 'local',
    engineLauncher: 'local',
    controller: { pid: 2 ** 30, outputFile: '' },
    engineSets: [],
  })
}

const left = () => [...readdirSync(join(profileDir, 'security')), ...readdirSync(join(profileDir, 'pid'))]

describe('sweepCluster', () => {
  it('removes everything of a cluster whose processes are gone', () => {
    leaveFiles(false)
    expect(sweepCluster(profileDir, 'x')).toHaveLength(5)
    expect(left()).toEqual([])
    expect(sweepCluster(profileDir, 'x')).toEqual([])
  })

  it('removes what the controller was writing when it was killed', () => {
    leaveFiles(false)
    writeFileSync(join(profileDir, 'security', '.ipcontroller-x-engine.json.0123456789ab'), '{"ke')
    writeFileSync(join(profileDir, 'security', '.ipcontroller-xy-engine.json.0123456789ab'), '{"ke')
    sweepCluster(profileDir, 'x')
    expect(left()).toEqual(['.ipcontroller-xy-engine.json.0123456789ab'])
  })

  it('leaves the record of a keeper whose jobs may still be in a queue', () => {
    leaveFiles(false)
    const jobs = [{ system: 'slurm' as const, id: '7', files: '/p/log/x' }]
    const path = writePidFile(profileDir, { ...pidRecord('cluster', 'x', process.pid), process: gone, jobs })!
    sweepCluster(profileDir, 'x')
    expect(left()).toEqual([basename(path)])
    expect(findPidRecords(profileDir, 'x')).toMatchObject([{ running: false, jobs }])
  })

  it('leaves the files of a controller that still runs', () => {
    leaveFiles(true)
    sweepCluster(profileDir, 'x')
    expect(left()).toEqual([
      'ipcontroller-x-client.json',
      'ipcontroller-x-engine.json',
      'ipcontroller-x.json',
    ])
  })

  it('leaves other clusters alone', () => {
    leaveFiles(false)
    expect(sweepCluster(profileDir, '')).toEqual([])
    expect(left()).toHaveLength(5)
  })
})
