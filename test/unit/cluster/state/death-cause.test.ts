import { describe, expect, it } from 'vitest'
import { deathCause } from '../../../../src/cluster/state/death-cause.ts'

const HEAP = `
<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xca5580 node::Abort() [node]`

describe('deathCause', () => {
  it('says out of memory where V8 did, without its addresses', () => {
    expect(deathCause({ exitCode: null, signal: 'SIGABRT', output: HEAP }, false)).toEqual({
      exit_code: null,
      signal: 'SIGABRT',
      reason: 'out of memory',
      stderr: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    })
  })

  it('says stopped where somebody asked for it, and else only what the system says', () => {
    const end = { exitCode: 7, signal: null, output: 'last words' }
    expect(deathCause(end, true)).toEqual({
      exit_code: 7,
      signal: null,
      reason: 'stopped',
      stderr: 'last words',
    })
    expect(deathCause(end, false)).toEqual({ exit_code: 7, signal: null, stderr: 'last words' })
  })
})
