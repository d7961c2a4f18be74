import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findPidRecords, pidRecord, removePidFile, writePidFile } from '../../../src/config/pid-file.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'pid-'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const record = pidRecord('cluster', '', process.pid)
const gone = { pid: process.pid, startTicks: 1 }

describe('findPidRecords', () => {
  it('finds the keeper of a cluster and tells that it runs', () => {
    const path = writePidFile(profileDir, record)!
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(findPidRecords(profileDir)).toEqual([{ ...record, path, jobs: [], running: true, isLocal: true }])
    removePidFile(path)
    expect(findPidRecords(profileDir)).toEqual([])
  })

  it('tells a process from a later one with the same number', () => {
    writePidFile(profileDir, { ...record, process: gone })
    expect(findPidRecords(profileDir)[0]?.running).toBe(false)
  })

  it('takes a process of another machine for running', () => {
    writePidFile(profileDir, { ...record, process: gone, host: 'elsewhere.example' })
    expect(findPidRecords(profileDir)[0]).toMatchObject({ running: true, isLocal: false })
  })

  it('keeps clusters and roles apart', () => {
    writePidFile(profileDir, { ...record, clusterId: 'a' })
    writePidFile(profileDir, { ...record, clusterId: 'b' })
    writePidFile(profileDir, { ...record, clusterId: 'b', role: 'engines' })
    writePidFile(profileDir, { ...record, clusterId: 'b', role: 'controller' })
    expect(findPidRecords(profileDir, 'a')).toHaveLength(1)
    const roles = findPidRecords(profileDir, 'b').map(found => found.role)
    expect(roles).toEqual(['cluster', 'controller', 'engines'])
  })

  it('passes over what is no record', () => {
    writePidFile(profileDir, record)
    writeFileSync(join(profileDir, 'pid', 'ipcluster-x.json'), '{')
    writeFileSync(join(profileDir, 'pid', 'ipcluster.pid'), '12')
    expect(findPidRecords(profileDir)).toHaveLength(1)
  })
})

describe('writePidFile', () => {
  it('leaves an exclusive record alone when there is one, and no temporary file', () => {
    expect(writePidFile(profileDir, record, true)).toBeDefined()
    expect(writePidFile(profileDir, { ...record, process: gone }, true)).toBeUndefined()
    expect(findPidRecords(profileDir)[0]?.process).toEqual(record.process)
    expect(readdirSync(join(profileDir, 'pid'))).toEqual(['ipcluster.json'])
  })
})
