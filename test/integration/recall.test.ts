import { MessageChannel, Worker } from 'node:worker_threads'
import { type Client, Cluster } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BEGUN_TASKS_SLOTS, BegunTasks } from '../../src/engine/begun-tasks.ts'

describe('BegunTasks', () => {
  it('BegunTasks lets each task be begun or given back, never both and never neither, however threads meet', async () => {
    const count = 30_000
    const window = 500
    const buffer = new SharedArrayBuffer(BEGUN_TASKS_SLOTS * 4)
    const { port1, port2 } = new MessageChannel()
    // Stands for the main thread of an engine, which begins one task after the other.
    const program = `
      const { parentPort, receiveMessageOnPort, workerData } = require('node:worker_threads')
      import(workerData.module).then(({ BegunTasks }) => {
        const { buffer, port, count, progress } = workerData
        const tasks = new BegunTasks(new Int32Array(buffer))
        const at = new Int32Array(progress)
        const given = new Set()
        const begun = []
        for (let i = 0; i < count; i++) {
          for (let sent; i >= (sent = Atomics.load(at, 1)); ) Atomics.wait(at, 1, sent)
          const signature = (i + 0x10000000).toString(16).repeat(8)
          tasks.enter(Buffer.from(signature))
          for (let news; (news = receiveMessageOnPort(port)) !== undefined; )
            for (const one of news.message) given.add(one)
          if (!given.delete(signature)) begun.push(i)
          Atomics.store(at, 0, i)
        }
        parentPort.postMessage({ begun, left: given.size })
      })`
    // How far it is, and how many tasks it was sent: no more are under way than the scheduler would allow.
    const progress = new SharedArrayBuffer(8)
    const worker = new Worker(program, {
      eval: true,
      workerData: {
        module: new URL('../../dist/engine/begun-tasks.js', import.meta.url).href,
        buffer,
        port: port2,
        count,
        progress,
      },
      transferList: [port2],
    })
    const ended = new Promise<{ begun: number[]; left: number }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    const tasks = new BegunTasks(new Int32Array(buffer))
    const at = new Int32Array(progress)
    const given: number[] = []
    for (let from = 0; from < count; from += window) {
      Atomics.store(at, 1, from + window)
      Atomics.notify(at, 1)
      // Every third of those that come next, some of which are being begun at this moment.
      const wanted = Array.from({ length: window }, (_, i) => from + i).filter(i => i % 3 === 0)
      const names = wanted.map(i => (i + 0x10000000).toString(16).repeat(8))
      const back = new Set(tasks.giveBack(names, signatures => port1.postMessage(signatures)))
      given.push(...wanted.filter((_, i) => back.has(names[i]!)))
      while (Atomics.load(at, 0) < from + window / 2);
    }
    const { begun, left } = await ended
    port1.close()
    await worker.terminate()
    expect(left).toBe(0)
    expect(given.length).toBeGreaterThan(0)
    expect([...begun, ...given].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
  })
})

describe('a long task among short ones', () => {
  let cluster: Cluster
  let rc: Client
  beforeAll(async () => {
    cluster = await Cluster.start({ n: 2 })
    rc = await cluster.connect()
  })
  afterAll(async () => {
    await rc.close()
    await cluster.stop()
  })

  it.each([0, 700, 1999])(
    'a task that blocks its engine as number %i of 2,000 holds up no other, and each runs once',
    async position => {
      await rc.directView().push({ runs: [] })
      const view = rc.loadBalancedView()
      // Ended by the test, when everything else has.
      const long = () => {
        for (;;);
      }
      const short = (i: number) => runs.push(i)
      const tasks = Array.from({ length: 2000 }, (_, i) =>
        i === position ? view.apply(long) : view.apply(short, i),
      )
      await Promise.all(tasks.filter((_, i) => i !== position))
      expect(tasks[position]!.ready()).toBe(false)
      expect(tasks[position]!.cancel()).toBe(true)
      const all = (await rc.directView().pull<number[]>('runs')).flat()
      const expected = Array.from({ length: 2000 }, (_, i) => i).filter(i => i !== position)
      expect(all.sort((a, b) => a - b)).toEqual(expected)
    },
  )

  it('a task that is cancelled as it begins, or is about to, leaves its engine free', async () => {
    const view = rc.loadBalancedView()
    const short = () => 1
    const long = () => {
      for (;;);
    }
    for (let round = 0; round < 400; round++) {
      const before = Array.from({ length: 59 }, () => view.apply(short))
      const cancelled = view.apply(long)
      await Promise.all(before)
      cancelled.cancel()
      expect(await rc.directView().apply(short)).toEqual([1, 1])
    }
  })
})

/** A variable of the engines'. */
declare const runs: number[]
