import { describe, expect, it } from 'vitest'
import {
  type HeartEffect,
  type HeartEvent,
  HeartMonitor,
} from '../../../../src/controller/state/heart-monitor.ts'

const PERIOD_MS = 1000

function world() {
  const monitor = new HeartMonitor({ periodMs: PERIOD_MS, missesMax: 10 }, 0)
  let lastPing = '0'
  const handle = (event: HeartEvent, nowMs: number): HeartEffect[] => {
    const effects = monitor.handle(event, nowMs)
    monitor.validate()
    for (const effect of effects) if (effect.type === 'ping') lastPing = effect.ping
    return effects
  }
  return {
    handle,
    monitor,
    pong: (engine: string, nowMs: number) => handle({ type: 'pong', engine, ping: lastPing }, nowMs),
    ping: () => lastPing,
  }
}

const stopped = (effects: HeartEffect[]): string[] =>
  effects.filter(effect => effect.type === 'heart_stopped').map(effect => effect.engine)

describe('HeartMonitor', () => {
  it('[22] pings everybody once a period', () => {
    const { handle, monitor } = world()
    expect(monitor.wakeAtMs).toBe(PERIOD_MS)
    expect(handle({ type: 'tick' }, PERIOD_MS - 1)).toEqual([])
    expect(handle({ type: 'tick' }, PERIOD_MS)).toEqual([{ type: 'ping', ping: '1' }])
    expect(monitor.wakeAtMs).toBe(2 * PERIOD_MS)
  })

  it('pings a new heart at once, and a few times more until it answers', () => {
    const { handle, monitor, pong } = world()
    expect(handle({ type: 'heart_awaited', engine: 'e' }, 5)).toEqual([{ type: 'ping', ping: '1' }])
    let pings = 0
    for (let i = 0; i < 20 && monitor.wakeAtMs < PERIOD_MS; i++) {
      pings += handle({ type: 'tick' }, monitor.wakeAtMs).length
    }
    expect(pings).toBe(6)
    handle({ type: 'listener_joined' }, 700)
    expect(pong('e', 702)).toEqual([{ type: 'heart_started', engine: 'e' }])
    handle({ type: 'tick' }, monitor.wakeAtMs)
    expect(monitor.wakeAtMs).toBe(PERIOD_MS)
  })

  it('pings nobody extra when no heart is awaited', () => {
    const { handle } = world()
    expect(handle({ type: 'listener_joined' }, 5)).toEqual([])
  })

  it('keeps extra pings apart when many engines arrive together', () => {
    const { handle } = world()
    let pings = 0
    for (let i = 0; i < 1000; i++) pings += handle({ type: 'heart_awaited', engine: `e${i}` }, 10).length
    expect(pings).toBeLessThan(5)
  })

  it('[20] starts a heart once, at its first pong', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    expect(pong('e', 1)).toEqual([{ type: 'heart_started', engine: 'e' }])
    expect(pong('e', 2)).toEqual([])
  })

  it('starts a heart only by echoes of pings that it sent since the beat before last', () => {
    const { handle } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    for (const ping of ['', '0', '99', '-1', 'x', '1e0', '9'.repeat(30)]) {
      expect(handle({ type: 'pong', engine: 'e', ping }, 1)).toEqual([])
    }
    expect(handle({ type: 'pong', engine: 'stranger', ping: '1' }, 1)).toEqual([])
    handle({ type: 'tick' }, PERIOD_MS)
    handle({ type: 'tick' }, 2 * PERIOD_MS)
    expect(handle({ type: 'pong', engine: 'e', ping: '1' }, 2 * PERIOD_MS)).toEqual([])
  })

  it('[23] forgives ten misses and stops at the eleventh, once', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    pong('e', 1)
    for (let beat = 1; beat <= 11; beat++) {
      expect(stopped(handle({ type: 'tick' }, beat * PERIOD_MS))).toEqual([])
    }
    expect(stopped(handle({ type: 'tick' }, 12 * PERIOD_MS))).toEqual(['e'])
    expect(stopped(handle({ type: 'tick' }, 13 * PERIOD_MS))).toEqual([])
  })

  it('forgets all misses at one pong', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    pong('e', 1)
    for (let beat = 1; beat <= 40; beat++) {
      expect(stopped(handle({ type: 'tick' }, beat * PERIOD_MS))).toEqual([])
      if (beat % 11 === 0) pong('e', beat * PERIOD_MS + 1)
    }
  })

  it('bears with a heart that was held up and has answered its oldest pings only', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    pong('e', 1)
    const pings: string[] = []
    for (let beat = 1; beat <= 11; beat++)
      for (const effect of handle({ type: 'tick' }, beat * PERIOD_MS))
        if (effect.type === 'ping') pings.push(effect.ping)
    for (const ping of pings.slice(0, 2)) handle({ type: 'pong', engine: 'e', ping }, 12 * PERIOD_MS - 1)
    expect(stopped(handle({ type: 'tick' }, 12 * PERIOD_MS))).toEqual([])
    // What is still under way may be lost with it.
    expect(stopped(handle({ type: 'tick' }, 13 * PERIOD_MS))).toEqual([])
    expect(stopped(handle({ type: 'tick' }, 14 * PERIOD_MS))).toEqual(['e'])
  })

  it('gives a heart that repeats an old echo no more time', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    pong('e', 1)
    for (let beat = 1; beat <= 11; beat++) {
      expect(stopped(handle({ type: 'tick' }, beat * PERIOD_MS))).toEqual([])
      handle({ type: 'pong', engine: 'e', ping: '1' }, beat * PERIOD_MS + 1)
    }
    expect(stopped(handle({ type: 'tick' }, 12 * PERIOD_MS))).toEqual(['e'])
  })

  it('does not count beats that this process slept through', () => {
    const { handle, pong } = world()
    handle({ type: 'heart_awaited', engine: 'e' }, 0)
    pong('e', 1)
    expect(handle({ type: 'tick' }, 60 * PERIOD_MS)).toHaveLength(1)
    expect(handle({ type: 'tick' }, 60 * PERIOD_MS + 1)).toEqual([])
  })
})
