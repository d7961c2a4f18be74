import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDaemonLog, openLog } from '../../../src/cli/log.ts'
import { eventually } from '../../support/cluster-world.ts'

let profileDir: string
beforeEach(() => {
  profileDir = mkdtempSync(join(tmpdir(), 'log-'))
})
afterEach(() => rmSync(profileDir, { recursive: true }))

const place = () => ({ program: 'ipcluster', profileDir, clusterId: 'x' })
function lines(): { msg: string; level: number }[] {
  try {
    const folder = join(profileDir, 'log')
    return readdirSync(folder).flatMap(name =>
      readFileSync(join(folder, name), 'utf8')
        .trimEnd()
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line)),
    )
  } catch {
    return []
  }
}

describe('openLog', () => {
  it('writes JSON lines into the profile, from its level on, and never a key', async () => {
    const log = await openLog(place(), { logToFile: true, logLevel: 'info' })
    log.debug('too fine')
    log.info('connected', { key: 'secret', port: 1 })
    expect(lines()).toMatchObject([{ msg: 'connected', port: 1, key: '[Redacted]' }])
    expect(readdirSync(join(profileDir, 'log'))[0]).toMatch(/^ipcluster-x-\d+\.log$/)
  })
})

describe('openDaemonLog', () => {
  it('makes no file while there is nothing to tell', async () => {
    const log = openDaemonLog(place(), undefined)
    log.info('up')
    expect(readdirSync(profileDir)).toEqual([])
  })

  it('tells with the first warning what led to it', async () => {
    const log = openDaemonLog(place(), undefined)
    log.info('up')
    log.warn('an engine died')
    log.info('replaced')
    await eventually(() => lines().length === 3)
    expect(lines().map(line => line.msg)).toEqual(['up', 'an engine died', 'replaced'])
  })

  it('writes everything from a level that was asked for', async () => {
    openDaemonLog(place(), 'info').info('up')
    await eventually(() => lines().length === 1)
  })
})
