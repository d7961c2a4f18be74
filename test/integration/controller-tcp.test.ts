import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Controller, startController } from '../../src/controller/controller.ts'
import { tcpTransport } from '../../src/transport/tcp.ts'
import { RawClient, RawEngine } from '../unit/controller/peers.ts'
import { OWN } from '../unit/controller/tools.ts'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(): Promise<{ controller: Controller; client: RawClient }> {
  const controller = await startController()
  cleanups.push(() => controller.stop())
  const client = new RawClient(tcpTransport, controller)
  cleanups.push(() => client.close())
  await client.engines()
  return { controller, client }
}

async function join(controller: Controller, client: RawClient): Promise<RawEngine> {
  const engine = new RawEngine(tcpTransport, controller)
  cleanups.push(() => engine.close())
  await engine.register()
  await client.inbox.notification.next(
    message =>
      message.header.msg_type === 'registration_notification' && message.content.uuid === engine.uuid,
  )
  return engine
}

describe('startController over TCP', () => {
  it('registers an engine in well under a heartbeat and runs tasks on it', async () => {
    const { controller, client } = await start()
    const startMs = performance.now()
    const engine = await join(controller, client)
    // A period is three seconds: the first ping must not wait for it.
    expect(performance.now() - startMs).toBeLessThan(1500)
    for (let i = 0; i < 100; i++) client.send('task', { type: 'apply_request', metadata: OWN })
    for (let i = 0; i < 100; i++) engine.reply(await engine.inbox.next(), `${i}`, { run_ms: 0.01 })
    for (let i = 0; i < 100; i++) {
      expect((await client.inbox.task.next()).buffers.map(String)).toEqual([`${i}`])
    }
  })

  it('notices a dead connection, names it and runs its tasks elsewhere within a second', async () => {
    const { controller, client } = await start()
    const first = await join(controller, client)
    client.send('task', { type: 'apply_request', msgId: 't', metadata: OWN })
    await first.inbox.next()
    const second = await join(controller, client)
    const startMs = performance.now()
    await first.close()
    const request = await second.inbox.next()
    expect(performance.now() - startMs).toBeLessThan(2000)
    const gone = await client.inbox.notification.type('unregistration_notification')
    expect(gone.content).toMatchObject({ id: 0, cause: { reason: 'connection lost' } })
    second.reply(request, 'value')
    expect((await client.inbox.task.next()).buffers.map(String)).toEqual(['value'])
  })

  it('uses the ports that it is given, and says when one is taken', async () => {
    const { controller } = await start()
    const ports = { registration: controller.clientConnection.registration }
    await expect(startController({ ports })).rejects.toThrow(String(ports.registration))
  })

  it('leaves no port open when it has stopped', async () => {
    const controller = await startController()
    const { clientConnection: client, engineConnection: engine } = controller
    await controller.stop()
    await controller.stopped
    const ports = [client.registration, client.mux, client.task, client.iopub, engine.task, engine.hb_pong]
    for (const port of ports) {
      await expect(
        new Promise((resolve, reject) =>
          connect(port, '127.0.0.1').on('connect', resolve).on('error', reject),
        ),
      ).rejects.toThrow('ECONNREFUSED')
    }
  })
})
