import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  findKeepers,
  type Keeper,
  removeKeeperFile,
  writeKeeperFile,
} from '../../../src/config/keeper-file.ts'
import { identityOf } from '../../../src/config/process-identity.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'keeper-'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const keeper: Keeper = {
  role: 'cluster',
  clusterId: '',
  process: identityOf(process.pid),
  program: 'ipcluster',
  startedAt: '2026-01-01T00:00:00.000Z',
}

describe('findKeepers', () => {
  it('finds the keeper of a cluster and tells that it runs', () => {
    const path = writeKeeperFile(profileDir, keeper)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(findKeepers(profileDir)).toEqual([{ ...keeper, path, running: true }])
    removeKeeperFile(path)
    expect(findKeepers(profileDir)).toEqual([])
  })

  it('tells a keeper from a later process with the same number', () => {
    writeKeeperFile(profileDir, { ...keeper, process: { pid: process.pid, startTicks: 1 } })
    expect(findKeepers(profileDir)[0]?.running).toBe(false)
  })

  it('keeps clusters apart, and lists who added engines', () => {
    writeKeeperFile(profileDir, { ...keeper, clusterId: 'a' })
    writeKeeperFile(profileDir, { ...keeper, clusterId: 'b' })
    writeKeeperFile(profileDir, { ...keeper, clusterId: 'b', role: 'engines' })
    expect(findKeepers(profileDir, 'a')).toHaveLength(1)
    expect(findKeepers(profileDir, 'b').map(found => found.role)).toEqual(['cluster', 'engines'])
  })

  it('passes over what is no keeper file', () => {
    writeKeeperFile(profileDir, keeper)
    writeFileSync(join(profileDir, 'pid', 'ipcluster-x.json'), '{')
    writeFileSync(join(profileDir, 'pid', 'ipcluster.pid'), '12')
    expect(findKeepers(profileDir)).toHaveLength(1)
  })
})
