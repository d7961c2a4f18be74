import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AsyncResult } from '../../src/client/async-result.ts'
import type { Client } from '../../src/client/client.ts'
import { BreakableProxy } from '../support/breakable-proxy.ts'
import { RealCluster } from './client-support.ts'

const ENGINES = 2

/** Where engines count what they run. */
declare const counts: Record<string, number>

const count = (name: string) => {
  Object.assign(globalThis, { counts: Reflect.get(globalThis, 'counts') ?? {} })
  counts[name] = (counts[name] ?? 0) + 1
  return `${name} ran`
}

/** Ends when whoever listens there says something. */
const linger = async (port: number) => {
  const { connect } = await import('node:net')
  return new Promise<string>(resolve => {
    const socket = connect(port, '127.0.0.1').once('data', word => {
      socket.end()
      resolve(String(word))
    })
  })
}

let cluster: RealCluster
let rc: Client
let mux: BreakableProxy
let broadcast: BreakableProxy

beforeAll(async () => {
  // However slow the machine, it is the connection that is lost here and not the engine.
  cluster = await RealCluster.start(ENGINES, { linkGraceMs: 30_000 }, async connection => {
    mux = await BreakableProxy.start(connection.mux)
    broadcast = await BreakableProxy.start(connection.broadcast[0]!)
    return { ...connection, mux: mux.port, broadcast: [broadcast.port] }
  })
  rc = await cluster.connect()
})
afterAll(async () => {
  await rc.close()
  await cluster[Symbol.asyncDispose]()
  await mux[Symbol.asyncDispose]()
  await broadcast[Symbol.asyncDispose]()
})

const answer = <T>(result: AsyncResult<T>): Promise<T> => result.get({ timeout: 30 })
const onAll = <T>(value: T): T[] => Array.from({ length: ENGINES }, () => value)
const timesRun = (name: string) => rc.directView().apply((key: string) => counts[key], name)

const VIEWS = {
  'a direct view': () => [rc.directView(), mux] as const,
  'a broadcast view': () => [rc.broadcastView(), broadcast] as const,
  'a coalescing broadcast view': () => [rc.broadcastView('all', { coalesce: true }), broadcast] as const,
}

describe.each(Object.entries(VIEWS))('%s, when the connections of its engines break', (name, open) => {
  it('runs once what never reached them', async () => {
    const [view, proxy] = open()
    const id = `${name}: request`
    const swallowed = proxy.swallow('back')
    const results = [view.push({ pushed: id }), view.apply(count, id)] as const
    await swallowed
    proxy.break()
    expect(await answer(results[1])).toEqual(onAll(`${id} ran`))
    await answer(results[0])
    expect(await answer(view.pull('pushed'))).toEqual(onAll(id))
    expect(await timesRun(id)).toEqual(onAll(1))
  })

  it('runs once what reached them, and whose replies were lost', async () => {
    const [view, proxy] = open()
    const id = `${name}: reply`
    const swallowed = proxy.swallow('forth')
    const result = view.apply(count, id)
    await swallowed
    proxy.break()
    expect(await answer(result)).toEqual(onAll(`${id} ran`))
    expect(await timesRun(id)).toEqual(onAll(1))
  })

  it('runs once what is at work', async () => {
    const [view, proxy] = open()
    const server: Server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const result = view.apply(linger, (server.address() as AddressInfo).port)
    const engines = await callersOf(server, ENGINES)
    const back = proxy.callers(ENGINES)
    proxy.break()
    await back
    for (const engine of engines) engine.end('the word')
    expect(await answer(result)).toEqual(onAll('the word'))
    server.close()
  })
})

it('a direct view fails clearly where a reply was lost that was too large to be kept', async () => {
  const view = rc.directView()
  const swallowed = mux.swallow('forth')
  const result = view.apply(() => new Float64Array(1 << 18))
  await swallowed
  mux.break()
  await expect(answer(result)).rejects.toThrow(/its reply was lost with a broken connection/)
  expect(await view.apply(() => 'fine')).toEqual(onAll('fine'))
})

it('a direct view sends a large array again', async () => {
  const view = rc.directView()
  const swallowed = mux.swallow('back')
  const pushed = view.push({ large: new Float64Array(1 << 18).fill(7) })
  await swallowed
  mux.break()
  await answer(pushed)
  expect(await view.apply(() => (Reflect.get(globalThis, 'large') as Float64Array).at(-1))).toEqual(onAll(7))
})

/** Resolves with the sockets of so many callers. */
function callersOf(server: Server, number: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  return new Promise(resolve => {
    server.on('connection', socket => {
      if (sockets.push(socket) === number) resolve(sockets)
    })
  })
}
