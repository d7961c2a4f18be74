import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Operation, packCall } from '../../src/serialize/payload.ts'
import { Pair, valueIn } from '../fixtures/engine/pair.ts'
import { bombardEngine, ENGINE_SOCKETS } from '../support/nonsense.ts'

const MESSAGES = 100_000
const SEED = Number(process.env.ITSPARALLEL_SEED ?? 20_261_122)

describe('an engine that is sent nonsense', () => {
  let pair: Pair

  beforeAll(async () => {
    pair = await Pair.start({ pingMs: 200 })
    await pair.controller.execute('const kept = 42')
  })
  afterAll(() => pair.close())

  it.each(ENGINE_SOCKETS)(
    `stays what it was, and says little (seed ${SEED}, %s)`,
    async socket => {
      const { controller, engine } = pair
      const loggedBefore = engine.stderr.length
      await bombardEngine(pair, socket, MESSAGES, SEED)
      const reply = await controller.apply(new Operation('pull'), ['kept'])
      expect(await valueIn(reply)).toBe(42)
      expect((await controller.control('kernel_info_request')).content.status).toBe('ok')
      const from = controller.pongs
      await controller.until('a pong', () => controller.pongs > from)
      expect(engine.child.exitCode).toBeNull()
      expect(engine.stderr.length - loggedBefore).toBeLessThan(20_000)
    },
    120_000,
  )

  it('refuses a request that it has seen', async () => {
    const { controller } = pair
    const msgId = controller.session.nextMessageId()
    const frames = controller.session.pack({ type: 'apply_request', buffers: packCall(() => 1, []), msgId })
    controller.sendRaw('mux', frames)
    controller.sendRaw('mux', frames)
    await controller.reply(msgId)
    await controller.apply(() => 2)
    expect(controller.replies.filter(({ parentId }) => parentId === msgId)).toHaveLength(1)
  })
})
