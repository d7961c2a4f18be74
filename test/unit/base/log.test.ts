import { describe, expect, it } from 'vitest'
import { RateLimitedWarnings, silentLogger } from '../../../src/base/log.ts'

describe('RateLimitedWarnings', () => {
  it('writes a bounded number of lines, then counts the rest when the window is over', () => {
    const lines: string[] = []
    let nowMs = 0
    const warnings = new RateLimitedWarnings(
      { ...silentLogger, warn: line => lines.push(line) },
      () => nowMs,
      2,
      1000,
    )
    for (let i = 0; i < 100_000; i++) warnings.warn('bad frame')
    warnings.warn('something else')
    expect(lines).toEqual(['bad frame', 'bad frame', 'something else'])
    nowMs = 1000
    warnings.warn('bad frame')
    expect(lines.slice(3)).toEqual(['bad frame (and 99998 more like it)', 'bad frame'])
  })
})
