import { describe, expect, it } from 'vitest'
import {
  CompositeError,
  ConnectionError,
  ParallelError,
  RemoteError,
  TimeoutError,
} from '../../src/errors.ts'

const remote = (engineId: number, evalue = 'boom') =>
  new RemoteError({
    ename: 'TypeError',
    evalue,
    traceback: `TypeError: ${evalue}\n    at f (file:///user.ts:3:7)`,
    engineId,
  })

describe('errors', () => {
  it('carry their class name, a stable code and their cause', () => {
    const cause = new Error('refused')
    const error = new ConnectionError('nobody listens', { cause })
    expect(error).toBeInstanceOf(ParallelError)
    expect(error.name).toBe('ConnectionError')
    expect(error.code).toBe('ERR_CONNECTION')
    expect(error.cause).toBe(cause)
    expect('cause' in new TimeoutError('late')).toBe(false)
  })
})

describe('RemoteError', () => {
  it('shows the remote stack with the user’s file and line before the local one', () => {
    const { stack = '', message } = remote(2)
    expect(message).toBe('TypeError: boom [engine 2]')
    expect(stack).toContain('file:///user.ts:3:7')
    expect(stack.indexOf('user.ts')).toBeLessThan(stack.indexOf('asked for here'))
  })
})

describe('CompositeError', () => {
  it('groups equal errors and names their engines', () => {
    const error = new CompositeError([remote(0), remote(1), remote(2, 'other')], 'apply')
    expect(error.message).toBe(
      "3 of the apply's parts failed:\n  2 × TypeError: boom [engines 0, 1]\n  1 × TypeError: other [engine 2]",
    )
    expect(error).toBeInstanceOf(AggregateError)
    expect(error.errors).toHaveLength(3)
  })
})
