import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Millis } from '../../../src/base/clock.ts'
import type { EngineUuid, MessageId } from '../../../src/base/ids.ts'
import { AsyncResult } from '../../../src/client/async-result.ts'
import { addRecord, RequestRecord, seal, settled } from '../../../src/client/request-record.ts'
import type { ResultHost } from '../../../src/client/result-host.ts'
import type { Outcome } from '../../../src/client/state/requests.ts'
import {
  CompositeError,
  DisconnectedError,
  EngineError,
  RemoteError,
  TaskAborted,
  TimeoutError,
  UsageError,
} from '../../../src/errors.ts'
import type { Envelope } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import { nodeRealm, packError, packValue, unpackValue } from '../../../src/serialize/payload.ts'

const START_MS = Date.parse('2026-01-01T00:00:00.000Z')

/** A client whose clock stands still until it is told otherwise. */
class FakeHost implements ResultHost {
  nowMs = 0
  readonly cancelled: unknown[] = []
  readonly #timers = new Set<{ readonly atMs: Millis; readonly wake: () => void }>()
  readonly clock = {
    nowMs: () => this.nowMs,
    after: (delayMs: Millis, wake: () => void) => {
      const timer = { atMs: this.nowMs + delayMs, wake }
      this.#timers.add(timer)
      return () => void this.#timers.delete(timer)
    },
  }

  get timerCount(): number {
    return this.#timers.size
  }

  dateMs(): number {
    return START_MS + this.nowMs
  }

  advance(ms: Millis): void {
    this.nowMs += ms
    for (const timer of [...this.#timers].filter(({ atMs }) => atMs <= this.nowMs)) {
      this.#timers.delete(timer)
      timer.wake()
    }
  }

  async abort(): Promise<void> {}

  cancel(records: readonly RequestRecord[], reason: unknown): void {
    this.cancelled.push(reason)
    for (const record of records) {
      record.settle({ type: 'given_up', reason }, this.dateMs())
      record.owner[settled](record)
    }
  }

  async flushed(): Promise<void> {}
}

const numbers = { idOf: (uuid: string) => Number(uuid.slice(1)) }
const session = new Session({ key: '' })
let lastId = 0

/** An AsyncResult with requests to engines e0, e1, …, and a way to answer them. */
class Bench<T> {
  readonly host = new FakeHost()
  readonly result: AsyncResult<T>
  readonly records: RequestRecord[]

  constructor(count: number, single = count === 1) {
    this.result = new AsyncResult<T>(this.host, 'apply', single)
    this.records = Array.from({ length: count }, (_, i) => this.#record(i))
    for (const record of this.records) this.result[addRecord](record)
    this.result[seal]()
  }

  answer(index: number, value: unknown, metadata: object = {}): void {
    this.end(index, this.reply(index, { status: 'ok' }, metadata, packValue(value)))
  }

  fail(index: number, error: Error): void {
    const { ename, evalue, traceback } = packError(error)
    this.end(index, this.reply(index, { status: 'error', ename, evalue, traceback }))
  }

  reply(index: number, content: object, metadata: object = {}, buffers: Buffer[] = []): Outcome<Envelope> {
    const started = new Date(this.host.dateMs() - 100).toISOString()
    const packed = session.pack({
      type: 'apply_reply',
      content,
      metadata: { engine: `e${index}`, started, ...metadata },
      buffers,
    })
    return { type: 'reply', reply: session.open(packed) as Envelope }
  }

  end(index: number, outcome: Outcome<Envelope>): void {
    const record = this.records[index]!
    record.settle(outcome, this.host.dateMs())
    record.owner[settled](record)
  }

  #record(index: number): RequestRecord {
    return new RequestRecord({
      msgId: `m${++lastId}` as MessageId,
      route: 'direct',
      engine: `e${index}` as EngineUuid,
      endsWithIdle: false,
      owner: this.result,
      decode: reply => unpackValue(reply.buffers, nodeRealm),
      submittedMs: this.host.dateMs(),
      firstIndex: 0,
      engines: numbers,
    })
  }
}

/** What it failed with. */
async function failure(result: PromiseLike<unknown>): Promise<Error> {
  try {
    await result
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}

describe('AsyncResult', () => {
  it('AsyncResult gives one value for one request, and an array for many', async () => {
    const one = new Bench<number>(1)
    one.answer(0, 42)
    expect(await one.result).toBe(42)
    const many = new Bench<number[]>(2)
    many.answer(1, 'second')
    many.answer(0, 'first')
    expect(await many.result).toEqual(['first', 'second'])
  })

  it('AsyncResult can be awaited before, after and more than once', async () => {
    const bench = new Bench<string>(1)
    const early = bench.result.get()
    bench.answer(0, 'here')
    expect(await Promise.all([early, bench.result, bench.result.get()])).toEqual(['here', 'here', 'here'])
    expect(await bench.result.then(value => value.length)).toBe(4)
  })

  it('AsyncResult tells whether it is ready and successful', () => {
    const bench = new Bench(2)
    expect(bench.result.ready()).toBe(false)
    expect(() => bench.result.successful()).toThrow(UsageError)
    bench.answer(0, 1)
    expect(bench.result.progress).toBe(1)
    bench.answer(1, 1)
    expect(bench.result.ready()).toBe(true)
    expect(bench.result.successful()).toBe(true)
    const failed = new Bench(1)
    failed.fail(0, new Error('no'))
    expect(failed.result.successful()).toBe(false)
  })

  it('AsyncResult.get throws a TimeoutError, and the request goes on', async () => {
    const bench = new Bench<number>(2)
    bench.answer(0, 1)
    const late = bench.result.get({ timeout: 3 })
    bench.host.advance(3000)
    await expect(late).rejects.toThrow(TimeoutError)
    await expect(late).rejects.toThrow('not there after 3 s (1 of 2 done)')
    bench.answer(1, 2)
    expect(await bench.result).toEqual([1, 2])
  })

  it('AsyncResult.wait gives false at its timeout, and takes its timer away otherwise', async () => {
    const bench = new Bench(1)
    const late = bench.result.wait({ timeout: 1 })
    bench.host.advance(1000)
    expect(await late).toBe(false)
    const wait = bench.result.wait({ timeout: 1 })
    bench.fail(0, new Error('even so'))
    expect(await wait).toBe(true)
    expect(bench.host.timerCount).toBe(0)
  })

  it('AsyncResult throws a RemoteError that names the engine and has the remote stack', async () => {
    const bench = new Bench(1)
    bench.fail(0, new TypeError('x is odd'))
    const error = await failure(bench.result)
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({
      ename: 'TypeError',
      evalue: 'x is odd',
      engineId: 0,
      engineUuid: 'e0',
      message: 'TypeError: x is odd [engine 0]',
    })
    expect(error.stack).toContain('async-result.test.ts')
  })

  it('AsyncResult throws the error itself when one part failed, a CompositeError when several did', async () => {
    const single = new Bench(2)
    single.answer(0, 1)
    single.fail(1, new Error('alone'))
    await expect(single.result.get()).rejects.toThrow(RemoteError)
    const several = new Bench(3)
    for (const i of [0, 1, 2]) several.fail(i, new Error(i < 2 ? 'same' : 'other'))
    const error = (await failure(several.result)) as CompositeError
    expect(error).toBeInstanceOf(CompositeError)
    expect(error.errors).toHaveLength(3)
    expect(error.message).toContain('2 × Error: same [engines 0, 1]')
  })

  it.each([
    [{ status: 'aborted' }, TaskAborted, 'was aborted before it ran'],
    [{ status: 'error', ename: 'EngineError', evalue: 'engine 3 died' }, EngineError, 'engine 3 died'],
    [{ status: 'error', ename: 'Weird' }, RemoteError, 'Weird: '],
  ])('AsyncResult reads the reply %j', async (content, Kind, message) => {
    const bench = new Bench(1)
    bench.end(0, bench.reply(0, content))
    const error = await failure(bench.result)
    expect(error).toBeInstanceOf(Kind)
    expect(error.message).toContain(message)
  })

  it('AsyncResult names the dead engine, its cause and its last words', async () => {
    const bench = new Bench(1)
    const cause = { signal: 'SIGKILL', stderr: 'out of memory\n' }
    bench.end(0, { type: 'engine_died', engine: 'e0' as EngineUuid, cause })
    const error = await failure(bench.result)
    expect(error).toBeInstanceOf(EngineError)
    expect(error.message).toMatch(
      /^engine 0 died while running task m\d+, and the names it held died with it: killed by SIGKILL\n.*\nout of memory$/,
    )
    expect((error as EngineError).engines).toEqual([
      {
        id: 0,
        uuid: 'e0',
        exitCode: undefined,
        signal: 'SIGKILL',
        reason: undefined,
        stderr: 'out of memory\n',
      },
    ])
  })

  it('AsyncResult passes on that the controller is gone', async () => {
    const bench = new Bench(1)
    const reason = new DisconnectedError('gone for good')
    bench.end(0, { type: 'disconnected', reason })
    await expect(bench.result.get()).rejects.toBe(reason)
  })

  it('AsyncResult fails with what reading its value throws', async () => {
    const bench = new Bench(1)
    bench.end(0, bench.reply(0, { status: 'ok' }, {}, [Buffer.from('rubbish')]))
    await expect(bench.result.get()).rejects.toThrow()
    expect(bench.result.successful()).toBe(false)
  })

  it('AsyncResult that fails and is never awaited crashes nothing', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const bench = new Bench(1)
    void bench.result.wait()
    bench.fail(0, new Error('nobody listens'))
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('AsyncResult.cancel gives up what has not ended', async () => {
    const bench = new Bench(2)
    bench.answer(0, 1)
    expect(bench.result.cancel('too slow')).toBe(true)
    const error = await failure(bench.result)
    expect(error).toBeInstanceOf(TaskAborted)
    expect(error.cause).toBe('too slow')
    expect(bench.result.cancel()).toBe(false)
  })

  it('AsyncResult knows its times', () => {
    const bench = new Bench(2)
    bench.host.advance(1000)
    expect(bench.result.elapsed).toBe(1)
    expect(() => bench.result.wallTime).toThrow(UsageError)
    bench.answer(0, 1, { run_ms: 900 })
    bench.host.advance(500)
    bench.answer(1, 1, { run_ms: 1400 })
    bench.host.advance(60_000)
    expect(bench.result.elapsed).toBe(1.5)
    expect(bench.result.wallTime).toBe(1.5)
    expect(bench.result.serialTime).toBeCloseTo(2.3)
    expect(bench.result.speedup).toBeCloseTo(2.3 / 1.5)
  })

  it('AsyncResult gives the values of its parts in order, each as soon as it and those before it are there', async () => {
    const bench = new Bench<string[]>(3)
    const values = bench.result[Symbol.asyncIterator]()
    const first = values.next()
    bench.answer(1, 'b')
    bench.answer(0, 'a')
    expect([await first, await values.next()]).toEqual([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
    ])
    const last = values.next()
    bench.fail(2, new RangeError('c'))
    await expect(last).rejects.toThrow('RangeError: c')
    expect(await values.next()).toEqual({ done: true, value: undefined })
  })

  it('AsyncResult.allSettled has the values beside the errors', async () => {
    const bench = new Bench<number[]>(2)
    const late = bench.result.allSettled({ timeout: 1 })
    bench.host.advance(1000)
    await expect(late).rejects.toBeInstanceOf(TimeoutError)
    bench.answer(0, 1)
    bench.fail(1, new RangeError('no'))
    expect(await bench.result.allSettled()).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: expect.any(RemoteError) },
    ])
  })

  it('AsyncResult.metadata tells everything about each request', async () => {
    const bench = new Bench<number>(1)
    bench.records[0]!.outputs = [
      { type: 'stream', name: 'stdout', text: 'hel' },
      { type: 'stream', name: 'stderr', text: 'oops' },
      { type: 'stream', name: 'stdout', text: 'lo' },
    ]
    expect(bench.result.metadata).toMatchObject({
      status: 'pending',
      received: undefined,
      engineId: 0,
    })
    bench.host.advance(2000)
    bench.answer(0, 1)
    expect(bench.result.metadata).toMatchObject({
      submitted: new Date(START_MS),
      started: new Date(START_MS + 1900),
      received: new Date(START_MS + 2000),
      engineId: 0,
      engineUuid: 'e0',
      stdout: 'hello',
      stderr: 'oops',
      status: 'ok',
      error: undefined,
    })
    await bench.result
    expect((bench.result.metadata as { completed: unknown }).completed).toBeInstanceOf(Date)
    expect(bench.result.stdout).toBe('hello')
    expect(new Bench(2).result.stdout).toEqual(['', ''])
  })

  it('AsyncResult.getDict gives values by engine number', async () => {
    const bench = new Bench(2)
    bench.answer(0, 'a')
    bench.answer(1, 'b')
    expect(await bench.result.getDict()).toEqual({ 0: 'a', 1: 'b' })
  })

  it('AsyncResult tells its state at a glance', () => {
    const bench = new Bench(2)
    expect(String(bench.result)).toBe('<AsyncResult apply on engines 0, 1: 0 of 2 done after 0.000 s>')
    bench.answer(0, 1)
    bench.host.advance(250)
    bench.answer(1, 1)
    expect(inspect(bench.result)).toBe('<AsyncResult apply on engines 0, 1: done in 0.250 s>')
    const failed = new Bench(1)
    failed.fail(0, new Error('no'))
    expect(String(failed.result)).toBe(
      '<AsyncResult apply on engine 0: failed after 0.000 s: Error: no [engine 0]>',
    )
  })

  it('AsyncResult.waitInteractive writes a line now and then where there is no terminal', async () => {
    const bench = new Bench(20)
    const stream = new PassThrough()
    const shown = bench.result.waitInteractive({ stream, interval: 1 })
    await once(stream, 'readable')
    for (let i = 0; i < 20; i++) {
      await new Promise(resolve => setImmediate(resolve))
      bench.answer(i, i)
      bench.host.advance(1000)
    }
    expect(await shown).toBe(true)
    const lines = String(stream.read()).trimEnd().split('\n')
    expect(lines[0]).toBe('apply: 0/20 done after 0.0 s')
    expect(lines.at(-1)).toMatch(/^apply: 20\/20 done/)
    expect(lines.length).toBeLessThanOrEqual(12)
  })

  it('AsyncResult.waitInteractive draws a bar on a terminal', async () => {
    const bench = new Bench(2)
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
    const shown = bench.result.waitInteractive({ stream, interval: 1, timeout: 5 })
    let text = ''
    stream.on('data', chunk => {
      text += String(chunk)
    })
    bench.answer(0, 1)
    while (!text.includes('/2')) await new Promise(resolve => setImmediate(resolve))
    bench.answer(1, 1)
    expect(await shown).toBe(true)
    expect(text).toContain('100% | 2/2')
  })

  it('AsyncResult.waitInteractive ends at its timeout', async () => {
    const bench = new Bench(1)
    const stream = new PassThrough()
    const shown = bench.result.waitInteractive({ stream, interval: 1, timeout: 2 })
    await once(stream, 'readable')
    for (let i = 0; i < 3; i++) {
      await new Promise(resolve => setImmediate(resolve))
      bench.host.advance(1000)
    }
    expect(await shown).toBe(false)
  })
})
