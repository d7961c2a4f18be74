import { afterEach, describe, expect, it } from 'vitest'
import type { Logger } from '../../../src/base/log.ts'
import {
  type Controller,
  type ControllerOptions,
  startController,
} from '../../../src/controller/controller.ts'
import type { Json } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import { memoryTransport } from '../../../src/transport/memory.ts'
import type { Transport } from '../../../src/transport/socket.ts'
import { bombardController } from '../../support/nonsense.ts'
import { RawClient, RawEngine, sameFrames } from './peers.ts'
import { seeded } from './state/seeded.ts'
import { OWN } from './tools.ts'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

class World {
  readonly transport: Transport
  readonly controller: Controller
  readonly client: RawClient
  /** What the controller warned of. */
  readonly warnings: ReadonlySet<string>

  constructor(transport: Transport, controller: Controller, warnings: ReadonlySet<string>) {
    this.transport = transport
    this.controller = controller
    this.warnings = warnings
    this.client = this.newClient()
  }

  newClient(): RawClient {
    const client = new RawClient(this.transport, this.controller)
    cleanups.push(() => client.close())
    return client
  }

  async engine(uuid?: string): Promise<RawEngine> {
    const engine = new RawEngine(this.transport, this.controller, uuid)
    cleanups.push(() => engine.close())
    await engine.register()
    await this.client.inbox.notification.next(
      message =>
        message.header.msg_type === 'registration_notification' && message.content.uuid === engine.uuid,
    )
    return engine
  }
}

async function start(options: ControllerOptions = {}): Promise<World> {
  const transport = memoryTransport()
  const errors: string[] = []
  const note = (message: string, fields?: object): void => {
    errors.push(
      `${message} ${JSON.stringify(fields, (_key, value) => (value instanceof Error ? value.stack : value))}`,
    )
  }
  const warnings = new Set<string>()
  const log: Logger = { debug: () => {}, info: () => {}, warn: text => void warnings.add(text), error: note }
  const controller = await startController({ transport, pingMs: 100, linkGraceMs: 60, log, ...options })
  cleanups.push(async () => {
    await controller.stop()
    expect(errors).toEqual([])
  })
  const world = new World(transport, controller, warnings)
  await world.client.engines()
  return world
}

describe('startController', () => {
  it('[2] has connection data with all the keys that peers need', async () => {
    const { controller } = await start({ scheme: 'lru', location: 'here' })
    const common = [
      'ssh',
      'interface',
      'registration',
      'key',
      'curve_serverkey',
      'location',
      'pack',
      'unpack',
    ]
    const shared = [...common, 'signature_scheme', 'control', 'mux', 'task', 'iopub', 'broadcast']
    const client = [...shared, 'task_scheme', 'notification']
    expect(Object.keys(controller.clientConnection).sort()).toEqual(client.sort())
    expect(Object.keys(controller.engineConnection).sort()).toEqual([...shared, 'hb_ping', 'hb_pong'].sort())
    expect(controller.clientConnection).toMatchObject({ task_scheme: 'lru', location: 'here' })
    expect(controller.engineConnection.broadcast).toHaveLength(1)
  })

  it.each([
    [{ scheme: 'best' as 'lru' }, 'there is no scheme "best"'],
    [{ hwm: -1 }, 'hwm must be'],
    [{ hwm: 1.5 }, 'hwm must be'],
    [{ pingMs: 0 }, 'at least 10 ms'],
  ])('refuses %j', async (options, message) => {
    await expect(startController({ transport: memoryTransport(), ...options })).rejects.toThrow(message)
  })

  it('[17] [20] [28] registers an engine at its first pong, within a moment', async () => {
    const {
      client,
      engine: _engine,
      ...rest
    } = await start({ pingMs: 5000 }).then(world => ({
      client: world.client,
      engine: world.engine.bind(world),
      world,
    }))
    const startMs = performance.now()
    const engine = await rest.world.engine()
    expect(performance.now() - startMs).toBeLessThan(2000)
    expect(await client.engines()).toEqual({ 0: engine.uuid })
  })

  it('[11] passes direct requests and replies on byte for byte', async () => {
    const world = await start()
    const engine = await world.engine()
    const sent = world.client.send('mux', { type: 'apply_request', buffers: [Buffer.from('f')] }, engine.uuid)
    const request = await engine.inbox.type('apply_request')
    expect(sameFrames(request.body, sent)).toBe(true)
    expect(request.prefix).toHaveLength(2)
    const answer = engine.reply(request, 'value')
    const reply = await world.client.inbox.mux.type('apply_reply')
    expect(sameFrames(reply.body, answer)).toBe(true)
    expect(reply.prefix.map(String)).toEqual([engine.uuid])
    const { content } = await world.client.ask('queue_request', { targets: null })
    expect(content).toEqual({ status: 'ok', 0: { queue: 0, completed: 1, tasks: 0 }, unassigned: 0 })
  })

  it('runs tasks, in the order in which engines are free', async () => {
    const world = await start({ hwm: 1 })
    const engine = await world.engine()
    const ids = [1, 2, 3].map(n => {
      const msgId = `t_${n}`
      world.client.send('task', { type: 'apply_request', msgId, metadata: OWN })
      return msgId
    })
    for (const id of ids) {
      const request = await engine.inbox.next()
      expect(request.header.msg_id).toBe(id)
      expect(engine.inbox.count).toBe(0)
      const answer = engine.reply(request, `value of ${id}`)
      const reply = await world.client.inbox.task.next()
      expect(reply.prefix.map(String)).toEqual([engine.uuid])
      expect(sameFrames(reply.body, answer)).toBe(true)
    }
    const { content, buffers } = await world.client.ask('result_request', { msg_ids: ['t_2', 't_1'] })
    expect(content.completed).toEqual(['t_1', 't_2'])
    expect(buffers.map(String)).toEqual(['value of t_1', 'value of t_2'])
  })

  it('runs a task elsewhere when its engine loses its connection for good', async () => {
    const world = await start({ hwm: 1 })
    const first = await world.engine()
    world.client.send('task', { type: 'apply_request', msgId: 't', metadata: OWN })
    await first.inbox.next()
    const second = await world.engine()
    await first.close()
    const request = await second.inbox.next()
    expect(request.header.msg_id).toBe('t')
    const gone = await world.client.inbox.notification.type('unregistration_notification')
    expect(gone.content).toMatchObject({ id: 0, uuid: first.uuid, cause: { reason: 'connection lost' } })
    second.reply(request, 'value')
    expect((await world.client.inbox.task.next()).buffers.map(String)).toEqual(['value'])
  })

  it('holds what it sends to an engine whose connections are a moment late', async () => {
    const world = await start({ hwm: 2, linkGraceMs: 5000 })
    const engine = await world.engine()
    const at = world.controller.engineConnection
    engine.shell.disconnect(`${at.interface}:${at.task}`)
    engine.shell.disconnect(`${at.interface}:${at.mux}`)
    await world.client.engines()
    world.client.send('task', { type: 'apply_request', msgId: 't', metadata: OWN })
    world.client.send('mux', { type: 'apply_request', msgId: 'm', metadata: OWN }, engine.uuid)
    await world.client.engines()
    engine.shell.connect(`${at.interface}:${at.task}`)
    engine.shell.connect(`${at.interface}:${at.mux}`)
    const ids = [(await engine.inbox.next()).header.msg_id, (await engine.inbox.next()).header.msg_id]
    expect(ids.sort()).toEqual(['m', 't'])
    await world.client.engines()
    expect(engine.inbox.count).toBe(0)
  })

  it('passes on what a launcher says of an engine, and fails a task at the third death', async () => {
    const world = await start({ hwm: 1 })
    world.client.send('task', { type: 'apply_request', msgId: 'poison', metadata: OWN })
    for (let death = 0; death < 3; death++) {
      const engine = await world.engine()
      await engine.inbox.next()
      const cause = { exit_code: null, signal: 'SIGSEGV' }
      world.client.send('registration', {
        type: 'unregistration_request',
        content: { uuid: engine.uuid, cause },
      })
      const gone = await world.client.inbox.notification.type('unregistration_notification')
      expect(gone.content.cause).toEqual({ signal: 'SIGSEGV' })
    }
    const reply = await world.client.inbox.task.next()
    expect(reply.prefix).toEqual([])
    expect(reply.parentHeader.msg_id).toBe('poison')
    expect(reply.content).toMatchObject({
      status: 'error',
      ename: 'EngineError',
      evalue: expect.stringContaining('engine 2 (killed by SIGSEGV)'),
      deaths: [{ engine_id: 0 }, { engine_id: 1 }, { engine_id: 2 }],
    })
  })

  it('retries our own task on the only engine in bytes that it has not seen', async () => {
    const world = await start({ hwm: 1 })
    const engine = await world.engine()
    world.client.send('task', { type: 'apply_request', msgId: 't', metadata: { retries: 2, ...OWN } })
    const receiver = new Session({ key: world.controller.engineConnection.key })
    for (let attempt = 0; attempt < 3; attempt++) {
      const request = await engine.inbox.next()
      expect(receiver.open(request.body)).toHaveProperty('header.msg_id', 't')
      engine.reply(request, '', { status: 'error' })
    }
    expect((await world.client.inbox.task.next()).metadata.status).toBe('error')
  })

  it('[23] [25] unregisters an engine whose heart stops, and one that says on iopub that it shuts down', async () => {
    const world = await start({ pingMs: 20, heartMissesMax: 3 })
    const silent = await world.engine()
    const leaving = await world.engine()
    silent.stopHeart()
    expect((await world.client.inbox.notification.type('unregistration_notification')).content.uuid).toBe(
      silent.uuid,
    )
    leaving.publish('engine.1.shutdown', {
      type: 'shutdown_reply',
      content: { status: 'ok', restart: false },
    })
    expect((await world.client.inbox.notification.type('unregistration_notification')).content.uuid).toBe(
      leaving.uuid,
    )
  })

  it('[41] tells our clients at once of an engine that is not there, and is silent to stock ones', async () => {
    const world = await start()
    for (const channel of ['mux', 'control'] as const) {
      world.client.send(channel, { type: 'apply_request', msgId: `stock-${channel}` }, 'nobody')
      world.client.send(channel, { type: 'clear_request', msgId: 'own', metadata: OWN }, 'nobody')
      const reply = await world.client.inbox[channel].next()
      expect(reply.parentHeader.msg_id).toBe('own')
      expect(reply.header.msg_type).toBe('clear_reply')
      expect(reply.content.ename).toBe('EngineError')
    }
  })

  it('[44] relays control both ways, whatever its type', async () => {
    const world = await start()
    const engine = await world.engine()
    world.client.send('control', { type: 'signal_request', content: { sig: 2 } }, engine.uuid)
    const request = await engine.control.next()
    engine.controlSocket.send([
      ...request.prefix,
      ...engine.session.pack({
        type: '_request',
        parentHeader: request.headerFrame,
        content: { status: 'ok' },
      }),
    ])
    const reply = await world.client.inbox.control.next()
    expect([reply.header.msg_type, ...reply.prefix.map(String)]).toEqual(['_request', engine.uuid])
  })

  it('refuses a recall that is not the scheduler’s, and the engine never hears of it', async () => {
    const world = await start()
    const engine = await world.engine()
    const content = { signatures: ['of a task'] }
    for (const metadata of [OWN, {}])
      world.client.send('control', { type: 'recall_request', content, metadata }, engine.uuid)
    for (let i = 0; i < 2; i++) {
      const { header, content: answer } = await world.client.inbox.control.next()
      expect([header.msg_type, answer.ename]).toEqual(['recall_reply', 'UsageError'])
      expect(answer.evalue).toContain('abort_request')
    }
    world.client.send('control', { type: 'clear_request' }, engine.uuid)
    expect((await engine.control.next()).header.msg_type).toBe('clear_request')
  })

  it('[35] [46] relays output byte for byte, without a topic too, and records it', async () => {
    const world = await start()
    const engine = await world.engine()
    const parent = world.client.send('mux', { type: 'execute_request', msgId: 'm' }, engine.uuid)
    const request = await engine.inbox.next()
    const printed = engine.publish('engine.0.stdout', {
      type: 'stream',
      parentHeader: parent[2]!,
      content: { name: 'stdout', text: 'hello\n' },
    })
    expect(sameFrames((await world.client.inbox.iopub.next()).frames, printed)).toBe(true)
    engine.iopub.send(engine.session.pack({ type: 'status', content: { subscription: '' } }))
    expect((await world.client.inbox.iopub.next()).prefix).toEqual([])
    engine.reply(request, '')
    await world.client.inbox.mux.next()
    const { content } = await world.client.ask('db_request', { query: { msg_id: 'm' }, keys: ['stdout'] })
    expect(content.records).toEqual([{ msg_id: 'm', stdout: 'hello\n' }])
  })

  it.each([false, true])('[58] [59] broadcasts, coalescing %j', async coalescing => {
    const world = await start()
    const engines = [await world.engine(), await world.engine(), await world.engine()]
    const targets = engines.map(({ uuid }, id) => [uuid, id])
    world.client.send('broadcast', {
      type: 'apply_request',
      msgId: 'b',
      metadata: { targets, is_broadcast: true, is_coalescing: coalescing },
      buffers: [Buffer.from('f')],
    })
    const big = 'x'.repeat(2000)
    for (const engine of [...engines].reverse()) {
      const request = await engine.inbox.next()
      expect(request.header.msg_id).toBe(`b_${engine.uuid}`)
      expect(new Session({ key: world.controller.engineConnection.key }).open(request.body)).toHaveProperty(
        'header',
      )
      const { is_broadcast, is_coalescing, original_msg_id } = request.metadata
      engine.reply(request, engine.uuid + big, { is_broadcast, is_coalescing, original_msg_id })
    }
    const replies = coalescing ? 1 : 3
    const seen: string[] = []
    for (let i = 0; i < replies; i++) {
      const reply = await world.client.inbox.broadcast.next()
      expect(reply.prefix).toEqual([])
      expect(world.client.session.open(reply.body)).toHaveProperty('header')
      seen.push(...reply.buffers.map(buffer => buffer.toString().slice(0, 33)))
      if (coalescing) expect(reply.metadata.broadcast_targets).toEqual(targets)
    }
    if (coalescing) expect(seen).toEqual(engines.map(({ uuid }) => uuid))
    else expect(new Set(seen)).toEqual(new Set(engines.map(({ uuid }) => uuid)))
  })

  it('[42] gives each client only its own replies', async () => {
    const world = await start({ hwm: 0 })
    const engine = await world.engine()
    const other = world.newClient()
    world.client.send('task', { type: 'apply_request', msgId: 'mine' })
    const mine = await engine.inbox.next()
    other.send('task', { type: 'apply_request', msgId: 'theirs' })
    const theirs = await engine.inbox.next()
    engine.reply(theirs, 'theirs')
    engine.reply(mine, 'mine')
    expect((await other.inbox.task.next()).parentHeader.msg_id).toBe('theirs')
    expect((await world.client.inbox.task.next()).parentHeader.msg_id).toBe('mine')
    expect([other.inbox.task.count, world.client.inbox.task.count]).toEqual([0, 0])
  })

  it('[37] resubmits to the balanced scheduler under a new name', async () => {
    const world = await start()
    const engine = await world.engine()
    world.client.send('mux', { type: 'apply_request', msgId: 'm', buffers: [Buffer.from('f')] }, engine.uuid)
    engine.reply(await engine.inbox.next(), 'first')
    await world.client.inbox.mux.next()
    const { resubmitted } = (await world.client.ask('resubmit_request', { msg_ids: ['m'] })).content
    const newId = (resubmitted as Json).m
    const request = await engine.inbox.next()
    expect(request.header).toMatchObject({ msg_id: newId, session: world.client.session.id })
    expect(request.buffers.map(String)).toEqual(['f'])
    engine.reply(request, 'second')
    await world.client.ask('connection_request')
    const { content, buffers } = await world.client.ask('result_request', { msg_ids: [newId] })
    expect(content.completed).toEqual([newId])
    expect(buffers.map(String)).toEqual(['second'])
  })

  it('[38] ends when a client asks for it', async () => {
    const world = await start()
    expect((await world.client.ask('shutdown_request')).content).toEqual({ status: 'ok' })
    const notification = await world.client.inbox.notification.type('shutdown_notification')
    expect(notification.content).toEqual({ status: 'ok' })
    await world.controller.stopped
  })

  it('[8] [9] [10] [16] drops what is unsigned, forged, replayed or cut short, and goes on', async () => {
    const world = await start()
    const { client } = world
    const good = client.session.pack({ type: 'connection_request', msgId: 'good' })
    const flipped = good.map((frame, at) =>
      at === 2 ? Buffer.from(frame.toString().replace('good', 'evil')) : frame,
    )
    const unsigned = good.map((frame, at) => (at === 1 ? Buffer.alloc(0) : frame))
    for (const frames of [flipped, unsigned, good.slice(0, 5), [Buffer.from('x')], good, good]) {
      client.sockets.registration.send(frames)
    }
    expect((await client.inbox.registration.next()).parentHeader.msg_id).toBe('good')
    await client.engines()
    expect(client.inbox.registration.count).toBe(0)
  })

  it('[14] ignores what it does not know in metadata and content', async () => {
    const world = await start()
    const engine = await world.engine()
    const strange = { nobody_knows: [1, { this: null }] }
    const { content } = await world.client.ask('queue_request', { targets: null, ...strange })
    expect(content.status).toBe('ok')
    for (const channel of ['mux', 'task'] as const) {
      const target = channel === 'mux' ? engine.uuid : undefined
      world.client.send(channel, { type: 'apply_request', metadata: strange, content: strange }, target)
      const request = await engine.inbox.type('apply_request')
      const answer = engine.reply(request, 'value', strange)
      expect(sameFrames((await world.client.inbox[channel].type('apply_reply')).body, answer)).toBe(true)
    }
    const stranger = new RawEngine(world.transport, world.controller)
    cleanups.push(() => stranger.close())
    expect(await stranger.register(strange)).toMatchObject({ status: 'ok' })
  })

  it('[9] signs nothing and checks nothing without a key', async () => {
    const world = await start({ key: '' })
    const engine = await world.engine()
    const frames = world.client.send('task', { type: 'apply_request', msgId: 't' })
    expect(frames[1]).toHaveLength(0)
    engine.reply(await engine.inbox.next(), 'value')
    expect((await world.client.inbox.task.next()).buffers.map(String)).toEqual(['value'])
  })

  it('is unmoved by 100,000 malformed messages to each socket', async () => {
    const world = await start({ hwm: 1 })
    const engine = await world.engine()
    await bombardController(world.client, engine, 100_000, 20261122)
    expect(await world.client.engines()).toEqual({ 0: engine.uuid })
    const { content } = await world.client.ask('queue_request', { targets: null })
    expect(content).toEqual({ status: 'ok', 0: { queue: 0, completed: 0, tasks: 0 }, unassigned: 0 })
    for (const channel of ['registration', 'iopub', 'mux', 'task', 'control', 'broadcast']) {
      expect(world.warnings).toContain(`dropped a message on ${channel}: forged`)
      if (channel === 'registration' || channel === 'iopub') continue
      expect(world.warnings).toContain(`dropped a message on ${channel} replies: malformed`)
    }
    expect(world.warnings).toContain('dropped a message on hb_pong: no echo of a ping')
    expect((await world.client.ask('history_request')).content.history).toEqual([])
  }, 120_000)

  it('answers or drops signed messages with broken or strange parts', async () => {
    const world = await start({ hwm: 1 })
    const { client } = world
    const engine = await world.engine()
    const parts = [
      '{}',
      '[]',
      '7',
      '"x"',
      'null',
      '{',
      '',
      '{"msg_id":7}',
      '{"msg_id":"m","msg_type":7}',
    ].map(text => Buffer.from(text))
    const { Signer } = await import('../../../src/protocol/signature.ts')
    const signer = new Signer(world.controller.clientConnection.key)
    const random = seeded(3)
    const part = (): Buffer => parts[Math.floor(random() * parts.length)]!
    const genuine = client.session.pack({ type: 'queue_request' })
    for (let i = 0; i < 2000; i++) {
      const header =
        i % 2 === 0 ? part() : Buffer.from(genuine[2]!.toString().replace(/_(\d+)"/, `_$1x${i}"`))
      const [parent, metadata, content] = [part(), part(), part()] as const
      const signature = Buffer.from(signer.sign(header, parent, metadata, content))
      const body = [genuine[0]!, signature, header, parent, metadata, content]
      for (const socket of Object.values(client.sockets)) socket.send(body)
      client.sockets.mux.send([Buffer.from(engine.uuid), ...body])
      engine.registration.send(body)
      engine.iopub.send(body)
      for (const name of ['mux_out', 'task_out', 'sub_scheduler_0']) {
        engine.shell.send([Buffer.from(name), Buffer.from('nobody'), ...body])
      }
      if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(await client.engines()).toEqual({ 0: engine.uuid })
    for (const request of [
      'queue_request',
      'history_request',
      'db_request',
      'result_request',
      'load_request',
    ]) {
      const { content } = await client.ask(request, { targets: null, query: {}, msg_ids: [] })
      expect(content.status).toBe('ok')
    }
  })
})
