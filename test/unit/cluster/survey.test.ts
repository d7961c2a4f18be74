import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { surveyClusters } from '../../../src/cluster/survey.ts'
import { writeClusterFile } from '../../../src/config/cluster-file.ts'
import { pidRecord, writePidFile } from '../../../src/config/pid-file.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'survey-'))
  mkdirSync(join(profileDir, 'security'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const gone = { pid: process.pid, startTicks: 1 }
const states = () => surveyClusters([profileDir]).map(found => [found.clusterId, found.state, found.pid])

describe('surveyClusters', () => {
  it('finds nothing in an empty profile, or in none', () => {
    expect(states()).toEqual([])
    expect(surveyClusters([join(profileDir, 'nowhere')])).toEqual([])
  })

  it('tells starting, running and stopped clusters apart', () => {
    writePidFile(profileDir, pidRecord('cluster', 'x', process.pid))
    expect(states()).toEqual([['x', 'starting', process.pid]])
    writePidFile(profileDir, pidRecord('controller', 'x', process.pid))
    writeFileSync(join(profileDir, 'security', 'ipcontroller-x-client.json'), '{}')
    expect(states()).toEqual([['x', 'running', process.pid]])
    writePidFile(profileDir, { ...pidRecord('cluster', 'x', process.pid), process: gone })
    writePidFile(profileDir, { ...pidRecord('controller', 'x', process.pid), process: gone })
    expect(states()).toEqual([['x', 'stopped', null]])
  })

  it('lists engines without their controller as partial', () => {
    writePidFile(profileDir, pidRecord('engines', 'x', process.pid))
    expect(states()).toEqual([['x', 'partial', null]])
  })

  it('shows what a cluster file says of processes that are gone', () => {
    writeClusterFile({
      clusterId: 'old',
      profileDir,
      n: 1,
      controllerIp: '',
      controllerLocation: '',
      controllerLauncher: 'local',
      engineLauncher: 'mpi',
      controller: { pid: 2 ** 30, outputFile: '' },
      engineSets: [],
    })
    expect(surveyClusters([profileDir])).toMatchObject([
      { clusterId: 'old', state: 'stopped', engines: 0, launcher: 'mpi' },
    ])
  })

  it('passes over a broken cluster file', () => {
    writeFileSync(join(profileDir, 'security', 'cluster-x.json'), '{')
    expect(states()).toEqual([])
  })
})
