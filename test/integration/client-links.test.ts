/** A client whose own connections to the controller break, over TCP. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../../src/client/client.ts'
import { DisconnectedError } from '../../src/errors.ts'
import { BreakableProxy } from '../support/breakable-proxy.ts'
import { RealCluster } from './client-support.ts'

/** Where the engine counts what it runs. */
declare const counts: Record<string, number>

const count = (name: string) => {
  Object.assign(globalThis, { counts: Reflect.get(globalThis, 'counts') ?? {} })
  counts[name] = (counts[name] ?? 0) + 1
  return `${name} ran`
}

let cluster: RealCluster
let rc: Client
const proxies: Record<'task' | 'mux' | 'broadcast' | 'registration', BreakableProxy> = {} as never

beforeAll(async () => {
  cluster = await RealCluster.start(1)
  const connection = JSON.parse(await readFile(cluster.connectionFile, 'utf8'))
  for (const channel of ['task', 'mux', 'broadcast', 'registration'] as const) {
    proxies[channel] = await BreakableProxy.start(connection[channel])
    connection[channel] = proxies[channel].port
  }
  rc = await Client.connect({ connection })
  await rc.waitForEngines(1, { timeout: 20 })
})

afterAll(async () => {
  await rc.close()
  await cluster[Symbol.asyncDispose]()
  for (const proxy of Object.values(proxies)) await proxy[Symbol.asyncDispose]()
})

/** How often the engine ran it, asked by another way than the one that breaks. */
const timesRun = async (name: string) => {
  await using other = await cluster.connect()
  return await other.at(0).apply((key: string) => counts[key], name)
}

const VIEWS = {
  'a balanced view': () => [rc.loadBalancedView(), proxies.task] as const,
  'a direct view': () => [rc.at(0), proxies.mux] as const,
}

describe.each(Object.entries(VIEWS))('%s, when the connection of its client breaks', (name, open) => {
  it.each([
    ['request', 'forth'],
    ['reply', 'back'],
  ] as const)('runs once, and gives the value, when the %s was lost', async (what, direction) => {
    const [view, proxy] = open()
    const id = `${name}: ${what}`
    const swallowed = proxy.swallow(direction)
    const result = view.apply(count, id)
    await swallowed
    proxy.break()
    expect(await result.get({ timeout: 30 })).toBe(`${id} ran`)
    expect(await timesRun(id)).toBe(1)
  })

  it('keeps the order of what was lost and what was made while it was away', async () => {
    const [view, proxy] = open()
    const swallowed = proxy.swallow('forth')
    const first = view.apply(count, `${name}: order`)
    await swallowed
    proxy.break()
    const second = view.apply((key: string) => counts[key], `${name}: order`)
    expect(await Promise.all([first, second])).toEqual([`${name}: order ran`, 1])
  })
})

describe('a client, when its connection breaks', () => {
  it('fails a broadcast that was under way, and goes on', async () => {
    const swallowed = proxies.broadcast.swallow('forth')
    const result = rc.broadcastView().apply(() => 1)
    await swallowed
    proxies.broadcast.break()
    await expect(result.get({ timeout: 30 })).rejects.toThrow(DisconnectedError)
    expect(await rc.broadcastView().apply(() => 2)).toEqual([2])
  })

  it('asks a question anew whose answer was lost, and fails what must not be done twice', async () => {
    const swallowed = proxies.registration.swallow('back')
    const status = rc.queueStatus()
    await swallowed
    const purged = rc.purgeResults('all')
    proxies.registration.break()
    await expect(purged).rejects.toThrow(DisconnectedError)
    expect(await status).toMatchObject({ unassigned: 0 })
  })
})
