import { expect, it } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { KeptParts } from '../../../src/engine/kept-parts.ts'

/** Time that passes when the test says so. */
class HandClock implements Clock {
  #nowMs = 0
  readonly #alarms = new Map<object, { readonly atMs: number; readonly wake: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, wake: () => void): () => void {
    const key = {}
    this.#alarms.set(key, { atMs: this.#nowMs + delayMs, wake })
    return () => void this.#alarms.delete(key)
  }

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const due = [...this.#alarms].find(([, { atMs }]) => atMs <= untilMs)
      if (due === undefined) break
      this.#alarms.delete(due[0])
      this.#nowMs = due[1].atMs
      due[1].wake()
    }
    this.#nowMs = untilMs
  }

  get isQuiet(): boolean {
    return this.#alarms.size === 0
  }
}

function setUp() {
  const clock = new HandClock()
  const asked: (readonly string[])[] = []
  return { clock, asked, parts: new KeptParts(clock, digests => void asked.push(digests)) }
}

it('KeptParts.fetch asks once for what several tasks lack, and gives it to all of them', async () => {
  const { clock, asked, parts } = setUp()
  const first = parts.fetch(['a', 'b'])
  const second = parts.fetch(['b'])
  const bytes = Buffer.from('x')
  parts.keep({ digest: 'b', bytes })
  parts.keep({ digest: 'a', bytes })
  expect(await first).toEqual([bytes, bytes])
  expect(await second).toEqual([bytes])
  expect(asked).toEqual([['a', 'b']])
  expect(parts.get('a')).toBe(bytes)
  expect(clock.isQuiet).toBe(true)
})

it('KeptParts.fetch asks again, and fails after a minute without an answer', async () => {
  const { clock, asked, parts } = setUp()
  const answer = expect(parts.fetch(['a'])).rejects.toThrow('no longer answers')
  clock.pass(59_000)
  expect(asked).toHaveLength(30)
  clock.pass(2000)
  await answer
  expect(clock.isQuiet).toBe(true)
})

it('KeptParts.fetch fails at once when the program says that it has nothing', async () => {
  const { clock, parts } = setUp()
  const answer = expect(parts.fetch(['a'])).rejects.toThrow('no longer answers')
  parts.refuse(['a', 'never asked for'])
  await answer
  expect(clock.isQuiet).toBe(true)
})

it('KeptParts.keep drops what was not used for longest, within 256 MiB', () => {
  const { parts } = setUp()
  const bytes = Buffer.alloc(100 * 1024 * 1024)
  parts.keep({ digest: 'a', bytes })
  parts.keep({ digest: 'b', bytes })
  expect(parts.get('a')).toBe(bytes)
  parts.keep({ digest: 'c', bytes })
  expect(['a', 'b', 'c'].filter(digest => parts.get(digest) !== undefined)).toEqual(['a', 'c'])
})
