import { describe, expect, it } from 'vitest'
import { Link } from '../../../../src/client/state/link.ts'

describe('Link', () => {
  it('Link gives the controller up when it does not come back in time', () => {
    const link = new Link(5000)
    expect(link.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
    expect(link.handle({ type: 'lost', cause: 'ECONNRESET' }, 100)).toEqual([])
    expect(link.wakeAtMs).toBe(5100)
    expect(link.handle({ type: 'tick' }, 5099)).toEqual([])
    expect(link.handle({ type: 'tick' }, 5100)).toEqual([
      { type: 'give_up', reason: 'lost', cause: 'ECONNRESET' },
    ])
    expect(link.isGone).toBe(true)
  })

  it('Link asks for the engines again when the controller is back', () => {
    const link = new Link(5000)
    link.handle({ type: 'lost', cause: undefined }, 0)
    expect(link.handle({ type: 'back' }, 4000)).toEqual([{ type: 'ask_for_engines' }])
    expect(link.handle({ type: 'tick' }, 9000)).toEqual([])
    expect(link.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('Link counts its patience from the first loss', () => {
    const link = new Link(1000)
    link.handle({ type: 'lost', cause: 'first' }, 0)
    link.handle({ type: 'lost', cause: 'second' }, 900)
    expect(link.handle({ type: 'tick' }, 1000)).toEqual([{ type: 'give_up', reason: 'lost', cause: 'first' }])
  })

  it('Link ends once, and says why', () => {
    const link = new Link(1000)
    expect(link.handle({ type: 'shut_down' }, 0)).toEqual([{ type: 'give_up', reason: 'shut_down' }])
    expect(link.handle({ type: 'closed' }, 1)).toEqual([])
    expect(link.handle({ type: 'back' }, 2)).toEqual([])
  })

  it('Link asks for the engines once more a little after the handshake', () => {
    const link = new Link(5000)
    link.handle({ type: 'opened' }, 100)
    expect(link.wakeAtMs).toBe(1100)
    expect(link.handle({ type: 'tick' }, 1100)).toEqual([{ type: 'ask_for_engines' }])
    expect(link.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })
})
