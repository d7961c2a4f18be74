import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startController } from '../../src/controller/controller.ts'
import { Operation, packCall } from '../../src/serialize/payload.ts'
import { memoryTransport } from '../../src/transport/memory.ts'
import { Pair, valueIn } from '../fixtures/engine/pair.ts'
import {
  bombardClient,
  bombardController,
  bombardEngine,
  CLIENT_CHANNELS,
  ENGINE_SOCKETS,
} from '../support/nonsense.ts'
import { FakeCluster } from '../unit/client/fake-cluster.ts'
import { RawClient, RawEngine } from '../unit/controller/peers.ts'

const MESSAGES = 1_000_000
const SEED = Number(process.env.ITSPARALLEL_SEED ?? 20_261_122)
const TIMEOUT_MS = 900_000

describe(`1,000,000 malformed messages (seed ${SEED})`, () => {
  it('to each socket of a controller change nothing', { timeout: TIMEOUT_MS }, async () => {
    const transport = memoryTransport()
    const controller = await startController({ transport, pingMs: 1000 })
    const client = new RawClient(transport, controller)
    const engine = new RawEngine(transport, controller)
    await engine.register()
    await client.inbox.notification.type('registration_notification')
    await bombardController(client, engine, MESSAGES, SEED)
    expect(await client.engines()).toEqual({ 0: engine.uuid })
    const { content } = await client.ask('queue_request', { targets: null })
    expect(content).toEqual({ status: 'ok', 0: { queue: 0, completed: 0, tasks: 0 }, unassigned: 0 })
    expect((await client.ask('history_request')).content.history).toEqual([])
    await Promise.all([client.close(), engine.close()])
    await controller.stop()
  })

  it.each(CLIENT_CHANNELS)(
    'to the %s socket of a client change nothing',
    async channel => {
      const cluster = await FakeCluster.start(2)
      const rc = await cluster.connect()
      await Promise.all([rc.clear(), rc.at(0).apply(() => 1), rc.loadBalancedView().apply(() => 1)])
      await rc.broadcastView().apply(() => 1)
      await bombardClient(cluster, channel, MESSAGES, SEED)
      expect([rc.ids, rc.outstanding]).toEqual([[0, 1], []])
      expect(await rc.directView().apply(() => 42)).toEqual([42, 42])
      await rc.close()
      await cluster.close()
    },
    TIMEOUT_MS,
  )

  describe('to an engine', () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await Pair.start({ pingMs: 200 })
      await pair.controller.execute('const kept = 42')
    })
    afterAll(() => pair.close())

    it.each(ENGINE_SOCKETS)(
      'to its %s socket change nothing',
      async socket => {
        const { controller, engine } = pair
        await bombardEngine(pair, socket, MESSAGES, SEED)
        const pull = packCall(new Operation('pull'), ['kept'])
        const reply = controller.send('task', 'apply_request', {}, { itsparallel: { v: 1 } }, pull)
        expect(await valueIn(await controller.reply(reply, 120_000))).toBe(42)
        expect(engine.child.exitCode).toBeNull()
      },
      TIMEOUT_MS,
    )
  })
})
