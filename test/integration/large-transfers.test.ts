/** Large messages that the controller passes on while they come in, when something breaks in the middle. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, type MockInstance, vi } from 'vitest'
import type { AsyncResult } from '../../src/client/async-result.ts'
import { Client } from '../../src/client/client.ts'
import { EngineError } from '../../src/errors.ts'
import { Arrival } from '../../src/transport/arrival.ts'
import { BreakableProxy } from '../support/breakable-proxy.ts'
import { RealCluster } from './client-support.ts'

const MIB = 1024 * 1024
/** So much goes through before nothing does: the rest is still on the sender's side. */
const PART = 31 * MIB
const DOUBLES = (32 * MIB) / 8

/** Where engines count what they run. */
declare const counts: Record<string, number>

const count = (name: string) => {
  Object.assign(globalThis, { counts: Reflect.get(globalThis, 'counts') ?? {} })
  counts[name] = (counts[name] ?? 0) + 1
  return process.pid
}
const large = (doubles: number) => new Float64Array(doubles).fill(7)
/** Comparing millions of numbers one by one takes its time. */
const isSame = (one: unknown, other: Float64Array): boolean =>
  one instanceof Float64Array &&
  Buffer.from(one.buffer, one.byteOffset, one.byteLength).equals(Buffer.from(other.buffer))
const answer = <T>(result: AsyncResult<T>): Promise<T> => result.get({ timeout: 30 })

let cluster: RealCluster
/** One client whose requests to engines can be held, and one that is not held. */
let held: Client
let other: Client
let fromClient: BreakableProxy
let fromEngines: Record<'mux' | 'task', BreakableProxy>
let begun: MockInstance<Arrival['begin']>
let cut: MockInstance<Arrival['lost']>

beforeAll(async () => {
  cluster = await RealCluster.start(2, {}, async connection => {
    fromEngines = {
      mux: await BreakableProxy.start(connection.mux),
      task: await BreakableProxy.start(connection.task),
    }
    return { ...connection, mux: fromEngines.mux.port, task: fromEngines.task.port }
  })
  const connection = JSON.parse(await readFile(cluster.connectionFile, 'utf8'))
  fromClient = await BreakableProxy.start(connection.mux)
  held = await Client.connect({ connection: { ...connection, mux: fromClient.port } })
  other = await cluster.connect()
  await held.waitForEngines(2, { timeout: 20 })
})
afterAll(async () => {
  for (const client of [held, other]) await client.close()
  await cluster[Symbol.asyncDispose]()
  for (const proxy of [fromClient, ...Object.values(fromEngines)]) await proxy[Symbol.asyncDispose]()
})
beforeEach(() => {
  begun = vi.spyOn(Arrival.prototype, 'begin')
  cut = vi.spyOn(Arrival.prototype, 'lost')
})
afterEach(() => vi.restoreAllMocks())

/** The next message that is passed on while it comes in has begun to be. */
const passedOn = (): Promise<void> =>
  vi.waitFor(() => expect(begun).toHaveBeenCalledTimes(1), { timeout: 10_000 })

it('a push and a pull arrive whole, and the hub has their records', async () => {
  const view = other.at(0)
  await answer(view.push({ large: large(DOUBLES) }))
  const pulled = view.apply(() => Reflect.get(globalThis, 'large') as Float64Array)
  expect(isSame(await answer(pulled), large(DOUBLES))).toBe(true)
  expect(begun).toHaveBeenCalledTimes(2)
  const [record] = await other.dbQuery({ msgId: pulled.msgIds[0]! }, ['engineUuid', 'completed'])
  expect(record).toMatchObject({ engineUuid: expect.any(String), completed: expect.any(Date) })
})

it('scattered and gathered arrays arrive whole', async () => {
  const array = Float64Array.from({ length: DOUBLES }, (_, i) => i)
  const view = other.directView()
  await answer(view.scatter('part', array))
  expect(isSame(await answer(view.gather('part')), array)).toBe(true)
  expect(begun.mock.calls.length).toBeGreaterThan(0)
})

it('large results of tasks arrive whole', async () => {
  const results = Array.from({ length: 4 }, () => other.loadBalancedView().apply(large, DOUBLES / 4))
  for (const result of results) expect(isSame(await answer(result), large(DOUBLES / 4))).toBe(true)
  expect(begun.mock.calls.length).toBeGreaterThan(0)
})

it('an engine gets what others ask of it, once, when a push to it breaks in the middle, and then the push', async () => {
  const stuck = fromClient.hold('forth', PART)
  const pushed = held.at(0).push({ pushed: large(DOUBLES) })
  await stuck
  await passedOn()
  const others = Array.from({ length: 20 }, (_, i) => other.at(0).apply(count, `behind ${i}`))
  fromClient.break()
  const pids = await Promise.all(others.map(answer))
  await answer(pushed)
  expect(cut).toHaveBeenCalled()
  expect(new Set(pids).size).toBe(1)
  const runs = await other.at(0).apply(() => Object.entries(counts))
  expect(runs.filter(([name, times]) => name.startsWith('behind') && times === 1)).toHaveLength(20)
  expect(await other.at(0).apply(() => (Reflect.get(globalThis, 'pushed') as Float64Array).length)).toBe(
    DOUBLES,
  )
  // Nobody died of it.
  expect(other.ids).toEqual([0, 1])
})

it('an engine that is busy all the while is not taken for dead when a push to it breaks in the middle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'busy-'))
  const file = join(folder, 'end')
  const begunFile = join(folder, 'begun')
  const busy = other.loadBalancedView(0).apply(
    async (path: string, begunPath: string) => {
      const { existsSync, writeFileSync } = await import('node:fs')
      writeFileSync(begunPath, '')
      while (!existsSync(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
      return 'was busy'
    },
    file,
    begunFile,
  )
  await vi.waitFor(() => readFile(begunFile), { timeout: 10_000 })
  const stuck = fromClient.hold('forth', PART)
  const pushed = held.at(0).push({ again: large(DOUBLES) })
  await stuck
  await passedOn()
  fromClient.break()
  // Longer than an engine may be without its connection.
  await answer(other.at(1).apply(() => new Promise(resolve => setTimeout(resolve, 1500))))
  await writeFile(file, '')
  expect(await answer(busy)).toBe('was busy')
  await answer(pushed)
  expect(other.ids).toEqual([0, 1])
  await rm(folder, { recursive: true })
})

it('a client gets all other answers, once, when the engine of a large one dies in the middle', async () => {
  const pid = await answer(other.at(1).apply(() => process.pid))
  const stuck = fromEngines.mux.hold('forth', PART)
  const dying = other.at(1).apply(large, DOUBLES)
  await stuck
  await passedOn()
  const others = Array.from({ length: 20 }, (_, i) => other.at(0).apply(count, `beside ${i}`))
  process.kill(pid, 'SIGKILL')
  await expect(answer(dying)).rejects.toThrow(EngineError)
  await Promise.all(others.map(answer))
  expect(cut).toHaveBeenCalled()
  const runs = await other.at(0).apply(() => Object.entries(counts))
  expect(runs.filter(([name, times]) => name.startsWith('beside') && times === 1)).toHaveLength(20)
})

it('a task whose engine dies in the middle of its large result runs again elsewhere', async () => {
  cluster.addEngine()
  await other.waitForEngines(2, { timeout: 20 })
  const stuck = fromEngines.task.hold('forth', PART)
  const result = other.loadBalancedView().apply((bytes: number) => {
    Object.assign(globalThis, { holder: process.pid })
    return new Uint32Array(bytes / 4).fill(process.pid)
  }, 32 * MIB)
  await stuck
  await passedOn()
  const holders = await answer(other.directView().apply(() => Reflect.get(globalThis, 'holder') as number))
  const victim = holders.find(pid => pid !== undefined)!
  process.kill(victim, 'SIGKILL')
  const pids = new Set(await answer(result))
  expect([pids.size, pids.has(victim), cut.mock.calls.length > 0]).toEqual([1, false, true])
})
