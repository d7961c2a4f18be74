import { describe, expect, it } from 'vitest'
import { Alarm } from '../../../src/base/alarm.ts'
import type { Clock } from '../../../src/base/clock.ts'

/** A clock that moves when told. */
function fakeClock(): Clock & { moveTo(ms: number): void; readonly timers: number } {
  let nowMs = 0
  const timers = new Set<{ atMs: number; wake: () => void }>()
  return {
    nowMs: () => nowMs,
    after(delayMs, wake) {
      const timer = { atMs: nowMs + delayMs, wake }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    moveTo(ms) {
      nowMs = ms
      for (const timer of [...timers]) {
        if (timer.atMs > nowMs) continue
        timers.delete(timer)
        timer.wake()
      }
    },
    get timers() {
      return timers.size
    },
  }
}

describe('Alarm', () => {
  it('rings once at the moment it was last set to', () => {
    const clock = fakeClock()
    let rings = 0
    const alarm = new Alarm(clock, () => {
      rings += 1
    })
    alarm.set(100)
    alarm.set(50)
    clock.moveTo(49)
    expect(rings).toBe(0)
    clock.moveTo(50)
    clock.moveTo(200)
    expect(rings).toBe(1)
    expect(clock.timers).toBe(0)
  })

  it('can be set again while it rings', () => {
    const clock = fakeClock()
    const rangAtMs: number[] = []
    const alarm: Alarm = new Alarm(clock, () => {
      rangAtMs.push(clock.nowMs())
      if (rangAtMs.length < 3) alarm.set(clock.nowMs() + 10)
    })
    alarm.set(10)
    for (const ms of [10, 20, 30, 40]) clock.moveTo(ms)
    expect(rangAtMs).toEqual([10, 20, 30])
  })

  it('never rings after close, nor when set to Infinity', () => {
    const clock = fakeClock()
    const alarm = new Alarm(clock, () => expect.unreachable())
    alarm.set(10)
    alarm.close()
    expect(clock.timers).toBe(0)
    alarm.set(Number.POSITIVE_INFINITY)
    clock.moveTo(1000)
  })

  it('rings no more once it is closed', () => {
    let timers = 0
    const after = (): (() => void) => {
      timers += 1
      return () => {}
    }
    const clock = { nowMs: () => 0, after }
    const alarm = new Alarm(clock, () => {})
    alarm.close()
    alarm.set(5)
    expect(timers).toBe(0)
  })
})
