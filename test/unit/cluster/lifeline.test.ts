import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  KEEPER_VARIABLE,
  LIFELINE_VARIABLE,
  parseLifelineLine,
  takeLifeline,
  tellKeeper,
} from '../../../src/cluster/lifeline.ts'

afterEach(() => vi.unstubAllEnvs())

describe('parseLifelineLine', () => {
  it('reads what programs tell', () => {
    expect(parseLifelineLine('{"type":"ready"}')).toEqual({ type: 'ready' })
    expect(parseLifelineLine('{"type":"registered","id":3,"uuid":"u","more":1}')).toEqual({
      type: 'registered',
      id: 3,
      uuid: 'u',
    })
    expect(parseLifelineLine('{"type":"leaving"}')).toEqual({ type: 'leaving', restart: false })
  })

  it.each(['', 'ready', '{"type":"registered"}', '{"type":"later"}', 'null'])('passes over %j', line => {
    expect(parseLifelineLine(line)).toBeUndefined()
  })
})

describe('takeLifeline', () => {
  it('takes it out of the environment, so that no child looks for it', () => {
    vi.stubEnv(LIFELINE_VARIABLE, '3')
    vi.stubEnv(KEEPER_VARIABLE, String(process.ppid))
    const link = takeLifeline()
    expect(link.lifeline).toBe(3)
    expect(link.isGone()).toBe(false)
    expect(process.env[LIFELINE_VARIABLE]).toBeUndefined()
    expect(takeLifeline().lifeline).toBeUndefined()
  })

  it('tells that the keeper is gone when we have another parent', async () => {
    vi.stubEnv(KEEPER_VARIABLE, String(process.ppid + 1))
    const link = takeLifeline()
    expect(link.isGone()).toBe(true)
    expect(await link.settled(0)).toBe(true)
  })

  it.each(['', '2', 'x', '-1'])('does not take %j for a descriptor', value => {
    vi.stubEnv(LIFELINE_VARIABLE, value)
    expect(takeLifeline().lifeline).toBeUndefined()
  })
})

describe('tellKeeper', () => {
  it('writes a line, and nothing where nobody keeps us', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lifeline-'))
    const path = join(folder, 'pipe')
    const fd = openSync(path, 'w')
    tellKeeper(fd, { type: 'ready' })
    tellKeeper(undefined, { type: 'ready' })
    closeSync(fd)
    tellKeeper(fd, { type: 'ready' })
    expect(readFileSync(path, 'utf8')).toBe('{"type":"ready"}\n')
    rmSync(folder, { recursive: true })
  })
})
