import { expect, it } from 'vitest'
import { deferred } from '../../src/base/deferred.ts'
import { silentLogger } from '../../src/base/log.ts'
import { ShellLink, type ShellLinkOptions } from '../../src/engine/shell-link.ts'
import { RequestMemory } from '../../src/engine/state/request-memory.ts'
import type { EngineConnection } from '../../src/protocol/connection-file.ts'
import { Envelope } from '../../src/protocol/envelope.ts'
import { Session } from '../../src/protocol/session.ts'
import type { Frame, Socket } from '../../src/transport/socket.ts'
import { tcpTransport as transport } from '../../src/transport/tcp.ts'
import { Bench, Inbox } from '../common/transport-tools.ts'

/** An engine's link to a direct scheduler and a balanced one. */
function linkTo(
  muxUrl: string,
  taskUrl: string,
  handlers: Pick<ShellLinkOptions, 'onRequest' | 'onReady'>,
): ShellLink {
  const ports = { key: 'k', mux: portOf(muxUrl), task: portOf(taskUrl), broadcast: [1] }
  return new ShellLink({
    transport,
    uuid: 'engine',
    connection: ports as unknown as EngineConnection,
    base: 'tcp://127.0.0.1',
    log: silentLogger,
    nowMs: () => 0,
    memory: new RequestMemory(),
    successor: () => undefined,
    onComplete: () => {},
    ...handlers,
  })
}

it('ShellLink sends the replies that were made without a connection when it is back', async () => {
  const session = new Session({ key: 'k' })
  /** The direct scheduler's side, which comes, goes and comes back. */
  const scheduler = async (url: string, onMessage: (frames: Frame[]) => void) => {
    const socket: Socket = transport.socket('ROUTER', { identity: 'mux_out', onMessage })
    return { socket, url: await socket.bind(url) }
  }
  const task = transport.socket('ROUTER', { identity: 'task_out' })
  const taskUrl = await task.bind('tcp://127.0.0.1:0')
  const { socket: first, url } = await scheduler('tcp://127.0.0.1:0', () =>
    expect.unreachable('the first connection hears nothing'),
  )
  const [connected, lost, request] = [deferred<void>(), deferred<void>(), deferred<Envelope>()]
  const link = linkTo(url, taskUrl, {
    onRequest: taken => request.resolve(taken),
    onReady: isReady => (isReady ? connected : lost).resolve(),
  })
  await connected.promise
  first.send([Buffer.from('engine'), Buffer.from('client'), ...session.pack({ type: 'apply_request' })])
  const taken = await request.promise
  await first.close(0)
  await lost.promise
  link.reply(taken, link.session.pack({ type: 'apply_reply', parentHeader: taken.headerFrame }))
  const heard = deferred<Frame[]>()
  const { socket: second } = await scheduler(url, frames => heard.resolve(frames))
  expect(Envelope.cut(await heard.promise)!.parentHeader.msg_id).toBe(taken.header.msg_id)
  await Promise.all([link.close(0), task.close(0), second.close(0)])
})

it('ShellLink takes a request again from the next controller when it was not ready with the last', async () => {
  const bench = new Bench(transport)
  const [first, mux] = [bench.probe('ROUTER', { identity: 'task_out' }), bench.probe('ROUTER')]
  const [taskUrl, muxUrl] = [
    await first.socket.bind('tcp://127.0.0.1:0'),
    await mux.socket.bind('tcp://127.0.0.1:0'),
  ]
  // The direct scheduler is not there yet.
  await mux.socket.close(0)
  const came = new Inbox<string>()
  const ready = deferred<boolean>()
  const link = linkTo(muxUrl, taskUrl, {
    onRequest: request => came.put(request.header.msg_id),
    onReady: ready.resolve,
  })
  const client = new Session({ key: 'k' })
  const task = ['engine', 'client', ...client.pack({ type: 'apply_request', msgId: 'task' })]
  await first.joined()
  first.send(...task)
  expect(await came.take()).toBe('task')
  await first.socket.close(0)
  const second = bench.probe('ROUTER', { identity: 'task_out' })
  await second.socket.bind(taskUrl)
  await second.joined()
  second.send(...task)
  expect(await came.take()).toBe('task')

  await bench.probe('ROUTER', { identity: 'mux_out' }).socket.bind(muxUrl)
  expect(await ready.promise).toBe(true)
  second.send(...task)
  second.send('engine', 'client', ...client.pack({ type: 'apply_request', msgId: 'next' }))
  expect(await came.take()).toBe('next')
  await link.close(0)
  await bench.close()
})

function portOf(url: string): number {
  return Number(url.slice(url.lastIndexOf(':') + 1))
}
