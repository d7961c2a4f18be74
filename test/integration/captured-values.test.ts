/** Large captured values on real sockets: each engine gets them once, and tasks mean what they meant when they were made. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { RealCluster } from './client-support.ts'

const WITHHOLDING_CLIENT = new URL('../fixtures/client/withholding-client.mjs', import.meta.url).pathname
const MEGABYTE = 1024 * 1024

/** All that a process has read so far, in bytes. */
async function bytesReadBy(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))![1])
}

it('1,000 tasks that capture a 10 MB array bring it to each engine once', async () => {
  await using cluster = await RealCluster.start(2)
  await using rc = await cluster.connect()
  const view = rc.loadBalancedView()
  const samples = new Float64Array((10 * MEGABYTE) / 8).fill(1.5)
  const before = await Promise.all(cluster.engines.map(engine => bytesReadBy(engine.pid!)))
  const results = Array.from({ length: 1000 }, (_, i) => view.apply(() => samples[i]! * i))
  const values = await Promise.all(results)
  expect(values).toEqual(Array.from({ length: 1000 }, (_, i) => 1.5 * i))
  const after = await Promise.all(cluster.engines.map(engine => bytesReadBy(engine.pid!)))
  const read = after.map((bytes, i) => (bytes - before[i]!) / MEGABYTE)
  // The first task carries the array itself: one of the engines may get it twice.
  for (const each of read) expect(each).toBeLessThan(25)
}, 120_000)

it('a map over a function with large captures sends them to each engine once', async () => {
  await using cluster = await RealCluster.start(2)
  await using rc = await cluster.connect()
  const table = Array.from({ length: 20_000 }, (_, i) => ({ key: `k${i}`, value: i }))
  const view = rc.loadBalancedView().with({ chunkSize: 5 })
  const before = await Promise.all(cluster.engines.map(engine => bytesReadBy(engine.pid!)))
  const values = await view.map(
    i => table[i]!.value,
    Array.from({ length: 200 }, (_, i) => i),
  )
  expect(values).toEqual(Array.from({ length: 200 }, (_, i) => i))
  const after = await Promise.all(cluster.engines.map(engine => bytesReadBy(engine.pid!)))
  const read = after.map((bytes, i) => (bytes - before[i]!) / MEGABYTE)
  for (const each of read) expect(each).toBeLessThan(2)
}, 60_000)

it('a captured array is what it was at the moment of each call', async () => {
  await using cluster = await RealCluster.start(2)
  await using rc = await cluster.connect()
  const view = rc.loadBalancedView()
  const numbers = new Int32Array(100_000)
  const seen = () => {
    const [first] = numbers
    numbers.fill(-1)
    return first
  }
  const results = [0, 0, 0, 7, 7, 8, 9, 9, 9, 9].map(value => {
    numbers[0] = value
    return view.apply(seen)
  })
  numbers.fill(-2)
  expect(await Promise.all(results)).toEqual([0, 0, 0, 7, 7, 8, 9, 9, 9, 9])
}, 60_000)

it('newcomers, and engines that replace dead ones, ask for what they lack', async () => {
  await using cluster = await RealCluster.start(1)
  await using rc = await cluster.connect()
  const view = rc.loadBalancedView()
  const samples = new Float64Array(100_000).fill(2)
  const total = () => samples.reduce((sum, each) => sum + each, 0)
  expect(await view.apply(total)).toBe(200_000)
  expect(await view.apply(total)).toBe(200_000)
  const [first] = cluster.engines
  first!.kill('SIGKILL')
  await once(first!, 'exit')
  const waiting = view.apply(total)
  cluster.addEngine()
  expect(await waiting).toBe(200_000)
}, 60_000)

it('two programs share what the engines have, and dependencies hold while parts are fetched', async () => {
  await using cluster = await RealCluster.start(2)
  await using rc = await cluster.connect()
  await using other = await cluster.connect()
  const samples = new Float64Array(100_000).fill(2)
  const sum = (): number => samples.reduce((total, each) => total + each, 0)
  const view = rc.loadBalancedView()
  await view.apply(sum)
  const first = view.apply(sum)
  const second = view.with({ after: [first] }).apply(sum)
  expect(await Promise.all([first, second, other.loadBalancedView().apply(sum)])).toEqual([
    200_000, 200_000, 200_000,
  ])
  expect(await other.directView().apply(sum)).toEqual([200_000, 200_000])
  expect(await other.broadcastView().apply(sum)).toEqual([200_000, 200_000])
  expect(first.msgIds).toHaveLength(1)
}, 60_000)

it('an engine that waits for what a killed client withheld is free again soon', async () => {
  await using cluster = await RealCluster.start(2)
  await using rc = await cluster.connect()
  const [, last] = rc.ids
  const begun = new Promise<void>(resolve => rc.once('stdout', () => resolve()))
  const blocker = rc.at(last!).apply(async () => {
    console.log('begun')
    await new Promise(resolve => setTimeout(resolve, 600_000))
  })
  await begun
  const child = spawn(process.execPath, [WITHHOLDING_CLIENT, cluster.connectionFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  // It says that it has sent its request, or ends and says nothing.
  const [said] = await Promise.race([once(child.stdout, 'data'), exited])
  child.kill('SIGKILL')
  expect(String(said)).toBe('sent\n')
  await exited
  // What the child asked for stands behind it.
  blocker.cancel()
  const later = rc.at(last!).apply(() => 'free')
  expect(await later.get({ timeout: 25 })).toBe('free')
}, 60_000)
