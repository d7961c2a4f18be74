import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Operation, packCall, Reference } from '../../src/serialize/payload.ts'
import type { Reply } from '../fixtures/engine/fake-controller.ts'
import { Pair, valueIn } from '../fixtures/engine/pair.ts'
import { pickleRequests } from '../support/wire-samples.ts'

const MARK = { itsparallel: { v: 1 } }
const pull = new Operation('pull')
const push = new Operation('push')
const map = new Operation('map')

describe('an engine', () => {
  let pair: Pair

  beforeAll(async () => {
    pair = await Pair.start()
  })
  afterAll(() => pair.close())

  const pulled = async (name: string | string[]): Promise<unknown> =>
    await valueIn(await pair.controller.apply(pull, [name]))

  it('registers with its uuid, its language, its versions and what it can do', () => {
    const versions = { itsparallel: expect.any(String), node: process.versions.node }
    expect(pair.controller.registrations).toEqual([
      { uuid: pair.controller.uuid, language: 'javascript', versions, recalls: true, remembers: true },
    ])
    expect(pair.controller.outputs.some(({ content }) => content.execution_state === 'starting')).toBe(true)
  })

  it('answers apply requests with the metadata that schedulers need', async () => {
    const reply = await pair.controller.apply((a: number, b: number) => a + b, [1, 2])
    expect(await valueIn(reply)).toBe(3)
    expect(reply.type).toBe('apply_reply')
    expect(reply.metadata).toMatchObject({
      status: 'ok',
      engine: pair.controller.uuid,
      dependencies_met: true,
      is_broadcast: false,
      is_coalescing: false,
      original_msg_id: '',
      outputs: 0,
    })
    expect(reply.metadata.run_ms).toBeGreaterThanOrEqual(0)
    expect(String(reply.metadata.started)).toMatch(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/)
  })

  it('awaits async functions before it starts the next request', async () => {
    const order = await pair.controller.execute('globalThis.order = []')
    expect(order.content.status).toBe('ok')
    const slow = pair.controller.apply(async () => {
      const list = (globalThis as unknown as { order: string[] }).order
      list.push('begin')
      await new Promise(resolve => setTimeout(resolve, 30))
      list.push('end')
    })
    const quick = pair.controller.apply(() =>
      (globalThis as unknown as { order: string[] }).order.push('next'),
    )
    await Promise.all([slow, quick])
    expect(await pulled('order')).toEqual(['begin', 'end', 'next'])
  })

  it('copies what the broadcast scheduler needs into its reply', async () => {
    const metadata = { targets: [], is_broadcast: true, is_coalescing: true, original_msg_id: 'orig' }
    const id = pair.controller.send(
      'leaf',
      'apply_request',
      {},
      metadata,
      packCall(() => 7, []),
    )
    const reply = await pair.controller.reply(id)
    expect(reply.metadata).toMatchObject({ is_broadcast: true, is_coalescing: true, original_msg_id: 'orig' })
    expect(reply.metadata).not.toHaveProperty('run_ms')
    // Without our mark, busy and idle are published.
    await pair.controller.until('idle', () => pair.controller.outputsOf(id, 'status').length === 2)
  })

  it('answers an error with its name, text, and the stack of the user', async () => {
    const reply = await pair.controller.apply(() => {
      throw new RangeError('too far')
    })
    expect(reply.content).toMatchObject({
      status: 'error',
      ename: 'RangeError',
      evalue: 'too far',
      engine_info: { engine_uuid: pair.controller.uuid, engine_id: 0, method: 'apply' },
    })
    expect(reply.metadata).toMatchObject({ status: 'error', dependencies_met: true })
    const traceback = (reply.content.traceback as string[]).join('\n')
    expect(traceback).toContain('engine-requests.test.ts')
    expect(traceback).not.toMatch(/dist\/engine|node:vm/)
  })

  it('tells an unmet dependency', async () => {
    const reply = await pair.controller.apply(() => {
      const error = new Error('not here')
      error.name = 'UnmetDependency'
      throw error
    })
    expect(reply.metadata).toMatchObject({ status: 'error', dependencies_met: false })
  })

  it('answers an error for a result that cannot travel', async () => {
    const reply = await pair.controller.apply(() => new WeakMap())
    expect(reply.content).toMatchObject({ status: 'error', ename: 'SerializationError' })
  })

  it('refuses the functions of Python clients, and says what they are', async () => {
    const call = pickleRequests()[0]!.request
    const reply = await pair.controller.reply(pair.controller.send('mux', 'apply_request', {}, {}, call))
    expect(reply.content.status).toBe('error')
    expect(String(reply.content.evalue)).toMatch(
      /this is a JavaScript engine, and was sent the Python function math:pow/,
    )
  })

  it('shares its names between push, cells, functions and pull', async () => {
    await pair.controller.apply(push, [{ a: 6, list: new Float64Array([1, 2]) }])
    await pair.controller.execute(
      'const b = a * 7; let c = 1; class K { static v = 3 }\nfunction f() { return b }',
    )
    expect(await pulled(['a', 'b', 'c'])).toEqual([6, 42, 1])
    expect(await pulled('list')).toEqual(new Float64Array([1, 2]))
    expect(await valueIn(await pair.controller.apply(new Reference('f'), []))).toBe(42)
    await pair.controller.apply(push, [{ b: 1 }])
    expect(await valueIn(await pair.controller.apply(new Reference('f'), []))).toBe(1)
    expect(await pulled('K.v')).toBe(3)
  })

  it('answers a ReferenceError for a name that is not there', async () => {
    expect(await pulled('nowhere')).toMatchObject({
      ename: 'ReferenceError',
      evalue: 'nowhere is not defined',
    })
  })

  it('maps columns, ranges and typed arrays, and names the element that failed', async () => {
    const mapped = async (fn: (...args: never[]) => unknown, columns: unknown[]): Promise<unknown> =>
      await valueIn(await pair.controller.apply(map, [fn, columns]))
    expect(await mapped((x: number) => x * x, [[1, 2, 3]])).toEqual([1, 4, 9])
    expect(await mapped((x: number, y: string) => y + x, [new Float64Array([1, 2]), ['a', 'b']])).toEqual([
      'a1',
      'b2',
    ])
    expect(await mapped((x: number) => x, [{ range: { start: 2, end: 5 } }])).toEqual([2, 3, 4])
    expect(await mapped(async (x: number) => x + 1, [[1, 2]])).toEqual([2, 3])
    const check = (x: number): number => {
      if (x === 5) throw new Error('five')
      return x
    }
    expect(await mapped(check, [[1, 3, 5, 7]])).toMatchObject({ ename: 'Error', evalue: 'five', index: 2 })
    const later = async (x: number): Promise<number> => {
      await null
      if (x === 5) throw new Error('five')
      return x
    }
    expect(await mapped(later, [[5]])).toMatchObject({ ename: 'Error', evalue: 'five', index: 0 })
  })

  it('runs cells, and shows input, output and result in order', async () => {
    const reply = await pair.controller.execute('console.log("one"); console.error("two"); 40 + 2', {
      silent: false,
    })
    expect(reply.content).toMatchObject({ status: 'ok', user_expressions: {}, payload: [] })
    const count = reply.content.execution_count
    const outputs = await pair.controller.until('the outputs', () => {
      const seen = pair.controller.outputsOf(reply.parentId)
      return seen.length === reply.metadata.outputs && seen
    })
    expect(outputs.map(({ type, content }) => [type, content])).toEqual([
      ['status', { execution_state: 'busy' }],
      ['execute_input', { code: 'console.log("one"); console.error("two"); 40 + 2', execution_count: count }],
      ['stream', { name: 'stdout', text: 'one\n' }],
      ['stream', { name: 'stderr', text: 'two\n' }],
      ['execute_result', { data: { 'text/plain': '42' }, metadata: {}, execution_count: count }],
      ['status', { execution_state: 'idle' }],
    ])
  })

  it('imports relative to its working directory', async () => {
    await writeFile(join(pair.folder, 'tool.mjs'), 'export const tool = 1; export default 2')
    const reply = await pair.controller.execute("import two, { tool } from './tool.mjs'")
    expect(reply.content.status).toBe('ok')
    expect(await pulled(['two', 'tool'])).toEqual([2, 1])
    const viaFunction = await pair.controller.apply(
      async (path: string) => (await import(path)).tool,
      ['./tool.mjs'],
    )
    expect(await valueIn(viaFunction)).toBe(1)
  })

  it('answers syntax errors with their place', async () => {
    const reply = await pair.controller.execute('let ok = 1\nlet = = 2')
    expect(reply.content).toMatchObject({ status: 'error', ename: 'SyntaxError' })
    expect(String(reply.content.evalue)).toMatch(/\(2:\d+\)$/)
  })

  it('aborts the cells behind one that failed aloud', async () => {
    const failing = pair.controller.execute('await null; throw new Error("first")', { silent: false })
    const behind = pair.controller.execute('globalThis.behind = 1')
    expect((await failing).content.status).toBe('error')
    expect((await behind).content).toEqual({ status: 'aborted' })
    expect((await pair.controller.execute('typeof behind')).content.status).toBe('ok')
  })

  it('evaluates user expressions', async () => {
    const reply = await pair.controller.execute('const ue = 5', {
      user_expressions: { x: 'ue + 1', y: 'nix' },
    })
    expect(reply.content.user_expressions).toMatchObject({
      x: { status: 'ok', data: { 'text/plain': '6' }, metadata: {} },
      y: { status: 'error', ename: 'ReferenceError' },
    })
  })

  it('answers kernel_info_request on shell and on control', async () => {
    const expected = { status: 'ok', implementation: 'itsparallel', language_info: { name: 'javascript' } }
    const shell = await pair.controller.reply(pair.controller.send('mux', 'kernel_info_request', {}))
    expect(shell.content).toMatchObject(expected)
    expect((await pair.controller.control('kernel_info_request')).content).toMatchObject(expected)
  })

  it('goes on when Node’s own names are taken by others', async () => {
    const source = `import { setTimeout } from 'node:timers/promises'
      const process = 1, performance = 2, Buffer = 3, console = 4, URL = 5, queueMicrotask = 6, setImmediate = 7
      const clearTimeout = 8, structuredClone = 9, fetch = 10, TextDecoder = 11, AbortController = 12, global = 13
      const TextEncoder = 14, MessageChannel = 15, Map = 20, Promise = 21, Error = 22, JSON = 23, Object = 24, Event = 16, EventTarget = 17, setInterval = 18, crypto = 19
      class Array {}
      await setTimeout(1, 'slept')`
    const reply = await pair.controller.execute(source, { silent: false })
    expect(reply.content.status).toBe('ok')
    await pair.controller.until(
      'the result',
      () => pair.controller.outputsOf(reply.parentId, 'execute_result')[0],
    )
    expect(await pulled(['process', 'crypto', 'Promise'])).toEqual([1, 19, 21])
    expect(await valueIn(await pair.controller.apply((x: number) => x + 1, [1]))).toBe(2)
    expect(
      (await pair.controller.execute('class A { x = 1 }; const q: number = 4; throw new TypeError("x")'))
        .content,
    ).toMatchObject({
      evalue: 'x',
    })
    expect((await pair.controller.control('clear_request')).content).toEqual({ status: 'ok' })
    expect(await valueIn(await pair.controller.apply(() => typeof process.pid, []))).toBe('number')
  })

  it('clears its names between requests', async () => {
    await pair.controller.execute('const gone = 1; function alsoGone() {}')
    const slow = pair.controller.execute(
      'console.log("begun"); await new Promise(r => setTimeout(r, 50)); const late = gone',
    )
    await pair.controller.until('its begin', () =>
      pair.controller.outputs.some(output => output.content.text === 'begun\n'),
    )
    expect((await pair.controller.control('clear_request')).content).toEqual({ status: 'ok' })
    expect((await slow).content.status).toBe('ok')
    for (const name of ['gone', 'alsoGone', 'late'])
      expect(await pulled(name)).toMatchObject({ ename: 'ReferenceError' })
  })

  it('survives errors that nobody catches, and prints them for the request that started them', async () => {
    const reply = await pair.controller.execute(
      'setTimeout(() => { throw new Error("in a timer") }); Promise.reject(new Error("in a promise")); 1',
    )
    const text = await pair.controller.until('both errors', () => {
      const printed = streams(pair.controller.outputsOf(reply.parentId))
      return printed.includes('in a timer') && printed.includes('in a promise') && printed
    })
    expect(text).toMatch(/Uncaught Error: in a timer\n {4}at .*<execute \d+>:1:\d+/)
    expect(await valueIn(await pair.controller.apply(() => 1))).toBe(1)
  })

  it('answers many requests in order', async () => {
    const count = 5000
    const buffers = packCall((x: number) => x, [1])
    const from = pair.controller.replies.length
    const ids = Array.from({ length: count }, () =>
      pair.controller.send('task', 'apply_request', {}, MARK, buffers),
    )
    await pair.controller.until('all replies', () => pair.controller.replies.length >= from + count)
    expect(pair.controller.replies.slice(from).map(reply => reply.parentId)).toEqual(ids)
  })

  it('lets no finished reply wait behind a long request', async () => {
    const quick = pair.controller.send(
      'task',
      'apply_request',
      {},
      MARK,
      packCall(() => 1, []),
    )
    const block = (ms: number): void => {
      const endMs = performance.now() + ms
      while (performance.now() < endMs);
    }
    const slow = pair.controller.send('task', 'apply_request', {}, MARK, packCall(block, [500]))
    const quickAtMs = (await pair.controller.reply(quick)).atMs
    const slowAtMs = (await pair.controller.reply(slow)).atMs
    expect(slowAtMs - quickAtMs).toBeGreaterThan(300)
  })

  it('runs timers of the user during a long burst of requests', async () => {
    await pair.controller.execute(
      'globalThis.ticks = 0; globalThis.beat = setInterval(() => { ticks += 1 }, 1)',
    )
    const spin = (): number => {
      const endMs = performance.now() + 0.2
      while (performance.now() < endMs);
      return (globalThis as unknown as { ticks: number }).ticks
    }
    const buffers = packCall(spin, [])
    let last = ''
    // All of them over one socket: another one's requests may overtake them.
    for (let i = 0; i < 1000; i++) last = pair.controller.send('task', 'apply_request', {}, MARK, buffers)
    // As the last of them saw it: how many fit in between is the machine's business.
    expect(await valueIn(await pair.controller.reply(last))).toBeGreaterThan(0)
    await pair.controller.execute('clearInterval(beat)')
  })

  it('keeps its own stdout clean', () => {
    expect(pair.engine.stdout).toBe('')
  })
})

function streams(outputs: readonly Reply[]): string {
  return outputs.map(({ content }) => (typeof content.text === 'string' ? content.text : '')).join('')
}
