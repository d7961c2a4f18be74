import { writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { Operation } from '../../src/serialize/payload.ts'
import { FakeController } from '../fixtures/engine/fake-controller.ts'
import { Pair, type PairOptions, valueIn } from '../fixtures/engine/pair.ts'

const BLOCK = 'console.log("begun"); for (;;) {}'

describe('an engine process', () => {
  let pair: Pair
  const others: FakeController[] = []

  afterEach(async () => {
    await pair.close()
    for (const controller of others.splice(0)) await controller.close()
  })

  const start = async (options: PairOptions = {}): Promise<FakeController> => {
    pair = await Pair.start(options)
    return pair.controller
  }

  /** Runs something that never ends, and comes back when it has begun. */
  const block = async (): Promise<void> => {
    pair.controller.execute(BLOCK).catch(() => {})
    await pair.controller.until('its begin', () =>
      pair.controller.outputs.some(({ content }) => content.text === 'begun\n'),
    )
  }

  it('answers heartbeats and control while user code blocks it', async () => {
    const controller = await start()
    const queued = controller.send('mux', 'execute_request', { code: '1' })
    await controller.reply(queued)
    await block()
    const from = controller.pongs
    await controller.until('20 pongs', () => controller.pongs >= from + 20)
    expect((await controller.control('kernel_info_request')).content.status).toBe('ok')
    expect((await controller.control('abort_request', { msg_ids: ['nobody'] })).content).toEqual({
      status: 'ok',
    })
  })

  it('aborts what waits behind a blocked request', async () => {
    const controller = await start()
    await block()
    const waiting = controller.send('mux', 'execute_request', { code: 'globalThis.ran = true' })
    expect((await controller.control('abort_request', { msg_ids: [waiting] })).content).toEqual({
      status: 'ok',
    })
    await controller.control('signal_request', { sig: 2 })
    expect((await controller.reply(waiting)).content).toEqual({ status: 'aborted' })
    const pulled = await controller.apply(new Operation('pull'), ['ran'])
    expect(pulled.content.ename).toBe('ReferenceError')
  })

  it('says what is wrong with a signal that does not exist', async () => {
    const controller = await start()
    const reply = await controller.control('signal_request', { sig: 'SIGNOTHING' })
    expect(reply).toMatchObject({ type: '_request', content: { status: 'error' } })
    expect(reply.content.evalue).toMatch(/there is no signal "SIGNOTHING"/)
  })

  it('passes other signals on to its process', async () => {
    const controller = await start()
    await block()
    await controller.control('signal_request', { sig: 'SIGTERM' }).catch(() => {})
    expect((await pair.engine.exited).signal).toBe('SIGTERM')
  })

  it('ends on shutdown_request, and says so everywhere', async () => {
    const controller = await start()
    const reply = await controller.control('shutdown_request', { restart: false })
    expect(reply).toMatchObject({ type: 'shutdown_reply', content: { status: 'ok', restart: false } })
    expect(await pair.engine.exited).toEqual({ code: 0, signal: null })
    const { uuid } = controller
    await controller.until('its unregistration', () => controller.unregistrations.length > 0)
    const cause = { reason: 'it was shut down', shutdown: 'stop' }
    expect(controller.unregistrations).toEqual([{ id: 0, uuid, cause }])
    expect(controller.outputs.some(({ type }) => type === 'shutdown_reply')).toBe(true)
  })

  it('ends on shutdown_request by force when user code blocks it', async () => {
    const controller = await start()
    await block()
    await controller.control('shutdown_request', { restart: false })
    expect(await pair.engine.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(controller.unregistrations).toHaveLength(1)
  })

  it('keeps the exit code of process.exit, and unregisters with it', async () => {
    const controller = await start()
    controller.execute('console.log("last words"); process.exit(7)').catch(() => {})
    expect(await pair.engine.exited).toEqual({ code: 7, signal: null })
    await controller.until('its unregistration', () => controller.unregistrations.length > 0)
    expect(controller.unregistrations[0]).toMatchObject({ id: 0, cause: { exit_code: 7 } })
    expect(controller.outputs.some(({ content }) => content.text === 'last words\n')).toBe(true)
  })

  it('ends when the program that started it ends, though user code blocks it', async () => {
    await start({ hasLifeline: true })
    await block()
    const beforeMs = performance.now()
    pair.engine.child.stdio[3]?.destroy()
    await pair.engine.exited
    expect(performance.now() - beforeMs).toBeLessThan(2500)
  })

  it('begins nothing more when it ends, which might never let it', async () => {
    const controller = await start({ hasLifeline: true })
    // Longer than its io thread takes for its part of the end, and shorter than that waits for the rest.
    const last = 'console.log("begun"); for (const untilMs = Date.now() + 1000; Date.now() < untilMs; );'
    controller.execute(last).catch(() => {})
    controller.execute('for (;;) {}').catch(() => {})
    await controller.until('its begin', () =>
      controller.outputs.some(({ content }) => content.text === 'begun\n'),
    )
    pair.engine.child.stdio[3]?.destroy()
    expect(await pair.engine.exited).toEqual({ code: 0, signal: null })
  })

  it('ends cleanly when the program that started it ends', async () => {
    const controller = await start({ hasLifeline: true })
    pair.engine.child.stdio[3]?.destroy()
    expect(await pair.engine.exited).toEqual({ code: 0, signal: null })
    await controller.until('its unregistration', () => controller.unregistrations.length > 0)
  })

  it('finds a new controller through the connection file, and keeps its names', async () => {
    const controller = await start()
    await controller.execute('const kept = 42')
    const { uuid } = controller
    await controller.close()
    const next = await FakeController.start({ key: 'another key' })
    others.push(next)
    await writeFile(pair.connectionFile, JSON.stringify(next.connection))
    await next.ready()
    expect(next.registrations.at(-1)).toMatchObject({ uuid })
    expect(await valueIn(await next.apply(new Operation('pull'), ['kept']))).toBe(42)
    expect((await next.control('kernel_info_request')).content.status).toBe('ok')
    const shown = await next.execute('console.log("here again")')
    await next.until('its output', () => next.outputsOf(shown.parentId, 'stream')[0])
  })

  it('comes back to a controller that was restarted on the same ports', async () => {
    const controller = await start()
    await controller.execute('const kept = 43')
    await controller.close()
    const next = await FakeController.start({ reuse: controller.connection })
    others.push(next)
    await next.ready()
    expect(await valueIn(await next.apply(new Operation('pull'), ['kept']))).toBe(43)
  })

  it('comes back when user code blocked it meanwhile', async () => {
    const controller = await start()
    await controller.execute('globalThis.kept = 44')
    controller
      .execute('console.log("begun"); const end = Date.now() + 1500; while (Date.now() < end);')
      .catch(() => {})
    await controller.until('its begin', () =>
      controller.outputs.some(({ content }) => content.text === 'begun\n'),
    )
    await controller.close()
    const next = await FakeController.start({ reuse: controller.connection })
    others.push(next)
    await next.ready()
    expect(await valueIn(await next.apply(new Operation('pull'), ['kept']))).toBe(44)
  })

  it('ends itself when its controller is gone for good', async () => {
    const controller = await start({ controllerGoneMs: 1000 })
    await controller.close()
    const { code } = await pair.engine.exited
    expect(code).toBe(69)
    expect(pair.engine.stderr).toMatch(/there was no controller for 1 s/)
  })
})
