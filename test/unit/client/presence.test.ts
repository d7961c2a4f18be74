import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock, Millis } from '../../../src/base/clock.ts'
import { Presence } from '../../../src/client/presence.ts'

/** A clock that stands still until it is told otherwise. */
class HandClock implements Clock {
  #nowMs: Millis = 0
  readonly #timers = new Set<{ readonly atMs: Millis; readonly wake: () => void }>()

  nowMs(): Millis {
    return this.#nowMs
  }

  after(delayMs: Millis, wake: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, wake }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timerCount(): number {
    return this.#timers.size
  }

  advance(ms: Millis): void {
    this.#nowMs += ms
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#timers.delete(timer)
      timer.wake()
    }
  }
}

let clock: HandClock
/** What is done, in order; the sockets that are connected are left out. */
let done: string[]
let presence: Presence

beforeEach(() => {
  clock = new HandClock()
  done = []
  presence = new Presence({
    clock,
    place: 'tcp://host:1',
    lostPatienceMs: 5000,
    connect: () => {},
    askForEngines: () => {
      done.push('ask')
      return Promise.resolve()
    },
    onGone: (reason, error) => done.push(`${reason}: ${error.message}`),
  })
})

describe('Presence', () => {
  it('was reached once the first socket has had its connection', () => {
    presence.joined('iopub', false)
    expect(presence.wasReached).toBe(false)
    presence.joined('registration', false)
    expect(presence.wasReached).toBe(true)
    expect(done).toEqual([])
  })

  it('asks for the engines when the controller is back in time', () => {
    presence.joined('registration', false)
    presence.lost('registration', 'reset')
    clock.advance(4999)
    presence.joined('registration', true)
    expect(done).toEqual(['ask'])
    clock.advance(60_000)
    expect(done).toEqual(['ask'])
    expect(clock.timerCount).toBe(0)
  })

  it('asks for the engines once more a while after notifications are heard again', () => {
    presence.lost('notification', 'reset')
    presence.joined('notification', true)
    expect(done).toEqual([])
    clock.advance(1000)
    expect(done).toEqual(['ask'])
    expect(clock.timerCount).toBe(0)
  })

  it('gives a controller up that does not come back, and says where it was and why it was lost', () => {
    presence.lost('registration', 'reset')
    clock.advance(4999)
    expect(done).toEqual([])
    clock.advance(1)
    expect(done).toEqual([
      expect.stringMatching(/^lost: .*tcp:\/\/host:1 was lost \(reset\) and did not come back within 5 s/),
    ])
    expect(clock.timerCount).toBe(0)
  })

  it('gives it up at once when it ends, or when our side does, and only once', () => {
    presence.lost('registration', undefined)
    presence.end('shut_down')
    presence.end('closed')
    presence.joined('registration', true)
    clock.advance(60_000)
    expect(done).toEqual([expect.stringMatching(/^shut_down: .* was shut down/)])
    expect(clock.timerCount).toBe(0)
  })

  it('does not wait for the connections of other sockets', () => {
    for (const channel of ['task', 'mux', 'iopub'] as const) presence.lost(channel, 'reset')
    expect(clock.timerCount).toBe(0)
  })

  it('fails whoever waits for it to be there when it is given up', async () => {
    const open = presence.open()
    presence.joined('registration', false)
    await Promise.resolve().then(() => presence.end('closed'))
    await expect(open).rejects.toThrow('this client was closed')
  })
})
