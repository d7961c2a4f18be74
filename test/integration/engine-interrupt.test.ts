import vm from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Operation, packCall } from '../../src/serialize/payload.ts'
import { Pair, valueIn } from '../fixtures/engine/pair.ts'

/** Cells that never end by themselves. Each says when it has begun. */
const ENDLESS: Readonly<Record<string, string>> = {
  'a loop': 'begun(); for (;;) {}',
  'a loop that catches everything': 'begun(); for (;;) { try { for (;;) {} } catch {} finally {} }',
  'a loop after an await': 'await null; begun(); for (;;) {}',
  'a loop of awaits': 'begun(); for (;;) await null',
  'a chain of microtasks': 'begun(); const again = () => Promise.resolve().then(again); await again()',
  'a chain of ticks':
    'const tick = () => process.nextTick(tick); begun(); tick(); await new Promise(() => {})',
  'a loop in a timer': 'setTimeout(() => { begun(); for (;;) {} }); await new Promise(() => {})',
  'a loop in an immediate': 'setImmediate(() => { begun(); for (;;) {} }); await new Promise(() => {})',
  'a loop in a tick': 'process.nextTick(() => { begun(); for (;;) {} }); await new Promise(() => {})',
  'a loop in a socket': `import net from 'node:net'
    const server = net.createServer(() => { begun(); for (;;) {} }).listen(0)
    server.on('listening', () => net.connect(server.address().port))
    await new Promise(() => {})`,
  'a promise that never settles': 'begun(); await new Promise(() => {})',
  'a long sleep': 'begun(); await new Promise(resolve => setTimeout(resolve, 600000))',
  'a blocking sleep': 'begun(); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600000)',
  'a child process': "import { execSync } from 'node:child_process'; begun(); execSync('sleep 600')",
  'a loop of child processes': `import { execSync as run } from 'node:child_process'
    begun()
    for (;;) { try { run('sleep 600') } catch {} }`,
  'a loop of prints': 'begun(); for (;;) console.log("x".repeat(1000))',
  'a regular expression': 'begun(); /(a+)+b/.test("a".repeat(60))',
  'a comparison function': 'begun(); [2, 1].sort(() => { for (;;) {} })',
}

describe('an interrupt', () => {
  let pair: Pair

  beforeAll(async () => {
    pair = await Pair.start()
    await pair.controller.execute('let kept = 0; const begun = () => console.error("begun")')
  })
  afterAll(() => pair.close())

  const interrupt = (): Promise<unknown> => pair.controller.control('signal_request', { sig: 'SIGINT' })

  it.each(Object.keys(ENDLESS))('ends %s within a second and keeps the names', async name => {
    const { controller } = pair
    controller.outputs.length = 0
    const running = controller.execute(ENDLESS[name]!)
    await controller.until('its begin', () =>
      controller.outputs.some(({ content }) => content.text === 'begun\n'),
    )
    const beforeMs = performance.now()
    await interrupt()
    const reply = await running
    expect(reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt', evalue: '' })
    expect(performance.now() - beforeMs).toBeLessThan(1000)
    const next = await controller.execute('kept += 1; await new Promise(resolve => setTimeout(resolve, 1))')
    expect(next.content.status).toBe('ok')
  })

  it('kept the names each time', async () => {
    const reply = await pair.controller.apply(new Operation('pull'), ['kept'])
    expect(await valueIn(reply)).toBe(Object.keys(ENDLESS).length)
  })

  it('ends a function, and the requests behind it run', async () => {
    const { controller } = pair
    controller.outputs.length = 0
    const forever = (): void => {
      console.error('begun')
      for (;;);
    }
    const running = controller.apply(forever)
    const behind = controller.apply((x: number) => x + 1, [1])
    await controller.until('its begin', () =>
      controller.outputs.some(({ content }) => content.text === 'begun\n'),
    )
    await controller.control('interrupt_request')
    expect((await running).content).toMatchObject({ ename: 'KeyboardInterrupt' })
    expect(await valueIn(await behind)).toBe(2)
  })

  it('does nothing to an idle engine, however often it comes', async () => {
    for (let i = 0; i < 50; i++) await interrupt()
    expect(await valueIn(await pair.controller.apply(() => 'fine'))).toBe('fine')
  })

  it('loses none of many short requests around it', async () => {
    const { controller } = pair
    const count = 2000
    const from = controller.replies.length
    // Every function is new to the engine, so that interrupts also meet it while it makes one.
    const functions: (() => number)[] = vm.runInThisContext(
      `[${Array.from({ length: count }, (_, i) => `() => ${i}`)}]`,
    )
    const calls = functions.map(one => packCall(one, []))
    for (const [i, buffers] of calls.entries()) {
      controller.send('task', 'apply_request', {}, { itsparallel: { v: 1 } }, buffers)
      if (i % 100 === 0) controller.send('control', 'interrupt_request', {})
    }
    const applied = await controller.until('all replies', () => {
      const replies = controller.replies.slice(from).filter(({ type }) => type === 'apply_reply')
      return replies.length === count && replies
    })
    expect(new Set(applied.map(({ parentId }) => parentId)).size).toBe(count)
    for (const { content } of applied) expect(['KeyboardInterrupt', undefined]).toContain(content.ename)
  })
})
