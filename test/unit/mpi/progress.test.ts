import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MPIError } from '../../../src/errors.ts'
import type { Failure, Failures } from '../../../src/mpi/failures.ts'
import { Progress } from '../../../src/mpi/progress.ts'

/** More than any of the times that count. */
const LONG_MS = 3000

let failure: Failure | undefined
let isBusy: boolean
let progress: Progress
/** How often the core was given up. */
let pauses: number

beforeEach(() => {
  vi.useFakeTimers()
  failure = undefined
  isBusy = false
  pauses = 0
  const failures = {
    poll: () => {},
    among: () => failure,
    get isBusy() {
      return isBusy
    },
  } as unknown as Failures
  const pause = (): void => {
    pauses += 1
    vi.advanceTimersByTime(10)
  }
  progress = new Progress(failures, { yieldCore: pause, sleep: pause }, true)
})
afterEach(() => vi.useRealTimers())

function failed(seenMs: number): Failure {
  return { rank: 1, text: 'failed: so', hasEnded: false, isPast: false, goesOn: false, seenMs }
}

describe('Progress.wait', () => {
  it('returns at once what is there, and gives up the core for the rest', () => {
    progress.wait(() => true, [])
    expect(pauses).toBe(0)
    progress.wait(() => pauses === 7, [])
    expect(pauses).toBe(7)
  })

  it('throws when a rank that it waits for has failed, and takes its time for that', () => {
    failure = failed(performance.now() - LONG_MS)
    const sinceMs = performance.now()
    expect(() => progress.wait(() => false, [1])).toThrow(
      new MPIError('rank 1, for which this one waited, failed: so'),
    )
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(2000)
  })
})

describe('Progress.mayInterrupt', () => {
  it('allows it outside of collective calls', () => {
    expect(progress.mayInterrupt(performance.now())).toBe(true)
    progress.together(
      () => {},
      () => {},
    )
    expect(progress.mayInterrupt(performance.now())).toBe(true)
  })

  it('refuses it while ranks gather, until it waits for one that has not come for long', () => {
    progress.together(
      () => {
        vi.advanceTimersByTime(LONG_MS)
        const askedAtMs = performance.now()
        progress.wait(() => {
          // It has gathered for long, but the others may have been asked as well just now.
          if (pauses > 0) expect(progress.mayInterrupt(askedAtMs)).toBe(pauses > 30)
          return pauses === 40
        }, [])
        // What has come is being taken in.
        expect(progress.mayInterrupt(askedAtMs)).toBe(false)
      },
      () => {},
    )
  })

  it('refuses it while failures are taken in', () => {
    isBusy = true
    expect(progress.mayInterrupt(performance.now())).toBe(false)
  })

  it('refuses it however long the library runs, and waits for it afterwards', () => {
    const endMs = progress.together(
      () => {},
      () => {
        const askedAtMs = performance.now()
        vi.advanceTimersByTime(LONG_MS)
        expect(progress.mayInterrupt(askedAtMs)).toBe(false)
        return performance.now()
      },
    )
    expect(performance.now()).toBeGreaterThan(endMs)
    expect(pauses).toBeGreaterThan(0)
  })

  it('allows it again when a call was broken off', () => {
    expect(() =>
      progress.together(
        () => {
          throw new MPIError('one has failed')
        },
        () => expect.unreachable('nobody calls the library then'),
      ),
    ).toThrow('one has failed')
    expect(progress.mayInterrupt(performance.now())).toBe(true)
    progress.together(
      () => progress.reset(),
      () => expect(progress.mayInterrupt(performance.now())).toBe(true),
    )
  })
})
