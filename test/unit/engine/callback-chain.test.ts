import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CallbackChain } from '../../../src/engine/callback-chain.ts'

describe('CallbackChain', () => {
  afterEach(() => vi.restoreAllMocks())

  it('breaks what has lasted without a turn of the event loop, and no turn that is only busy', () => {
    const tear = (): void => expect.unreachable('ticks are refused, not torn down')
    const chain = new CallbackChain({ tear, isMeant: () => true, isCalledByUser: () => true })
    const interrupt = expect.objectContaining({ name: 'KeyboardInterrupt' })
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    const tick = (): void => process.nextTick(() => {})
    chain.watch()
    try {
      tick()
      expect(chain.look()).toBe(true)
      now.mockReturnValue(1199)
      chain.breakNext()
      expect(tick).not.toThrow()
      expect(chain.look()).toBe(true)
      now.mockReturnValue(1200)
      chain.breakNext()
      expect(tick).toThrow(interrupt)
    } finally {
      chain.rest()
    }
  })
})
