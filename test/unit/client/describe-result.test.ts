import { describe, expect, it } from 'vitest'
import { describeResult } from '../../../src/client/describe-result.ts'
import type { RequestRecord } from '../../../src/client/request-record.ts'

const record = (engineId: number | undefined, error?: Error) => ({ engineId, error }) as RequestRecord

function text(records: readonly RequestRecord[], done = records.length): string {
  const length = records.length
  const state = { length, progress: done, elapsed: 1.2041, ready: () => done === length }
  return describeResult('AsyncResult apply', state, records)
}

describe('describeResult', () => {
  it('says how far it is, and on which engines', () => {
    const four = [3, 0, 1, 2].map(id => record(id))
    expect(text(four, 2)).toBe('AsyncResult apply on engines 0–3: 2 of 4 done after 1.204 s')
    expect(text(four)).toBe('AsyncResult apply on engines 0–3: done in 1.204 s')
  })

  it('names no engine where none is known', () => {
    expect(text([record(undefined)], 0)).toBe('AsyncResult apply: 0 of 1 done after 1.204 s')
  })

  it('says why its only part failed, or where and how many of several', () => {
    const no = new Error('no')
    expect(text([record(2, no)])).toBe('AsyncResult apply on engine 2: failed after 1.204 s: no')
    expect(text([record(0), record(1, no), record(2, no)])).toBe(
      'AsyncResult apply on engines 0–2: 2 of 3 failed on engines 1, 2 after 1.204 s',
    )
  })
})
