import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NDArray } from '../../src/base/nd-array.ts'
import type { BroadcastView } from '../../src/client/broadcast-view.ts'
import type { Client } from '../../src/client/client.ts'
import { CompositeError, EngineError, RemoteError, TaskAborted } from '../../src/errors.ts'
import { Reference } from '../../src/serialize/payload.ts'
import { RealCluster } from './client-support.ts'

let cluster: RealCluster
let rc: Client
let views: BroadcastView[]

beforeAll(async () => {
  cluster = await RealCluster.start(3)
  rc = await cluster.connect()
  views = [rc.broadcastView(), rc.broadcastView('all', { coalesce: true })]
})

afterAll(async () => {
  await rc.close()
  await cluster[Symbol.asyncDispose]()
})

describe('BroadcastView with real engines', () => {
  it('BroadcastView runs the steps of the direct interface, in order', async () => {
    for (const view of views) {
      view.push({ a: 6, table: new Float64Array(100_000).fill(1) })
      view.scatter('x', [1, 2, 3, 4])
      view.execute('const c = a * x.length')
      expect(await view.pull('c')).toEqual([12, 6, 6])
      expect(await view.apply((t: Float64Array) => t.length, new Reference('table'))).toEqual([
        100_000, 100_000, 100_000,
      ])
      expect(await view.gather('x')).toEqual([1, 2, 3, 4])
      expect(await view.map((x: number) => x * x, [1, 2, 3, 4])).toEqual([1, 4, 9, 16])
    }
  })

  it('BroadcastView keeps outputs and metadata of each engine apart', async () => {
    const speak = (id: number[]) => {
      console.log(`I am ${id[0]}`)
      return process.pid
    }
    for (const view of views) {
      await view.scatter('id', [10, 11, 12])
      const result = view.apply(speak, new Reference('id'))
      const pids = await result
      expect(new Set(pids).size).toBe(3)
      expect(result.stdout).toEqual(['I am 10\n', 'I am 11\n', 'I am 12\n'])
      for (const [i, metadata] of result.metadata.entries()) {
        const { submitted, started, completed, received } = metadata
        expect(metadata).toMatchObject({ status: 'ok', engineId: rc.ids[i] })
        expect(started!.getTime()).toBeLessThanOrEqual(completed!.getTime())
        expect(submitted.getTime()).toBeLessThanOrEqual(received!.getTime())
      }
      expect(await result.getDict()).toEqual(Object.fromEntries(rc.ids.map((id, i) => [id, pids[i]])))
    }
  })

  it('BroadcastView tells which engines failed, and keeps the values of the others', async () => {
    const fail = (id: number[]) => {
      if (id[0] !== 11) throw new RangeError(`no ${id[0]}`)
      return 'well'
    }
    for (const view of views) {
      const result = view.apply(fail, new Reference('id'))
      const error = await result.get().catch(caught => caught)
      expect(error).toBeInstanceOf(CompositeError)
      expect(error.errors.map((each: RemoteError) => [each.engineId, each.evalue])).toEqual([
        [rc.ids[0], 'no 10'],
        [rc.ids[2], 'no 12'],
      ])
      const ends = await result.allSettled()
      expect(ends[1]).toEqual({ status: 'fulfilled', value: 'well' })
      expect(ends[0]).toMatchObject({ status: 'rejected', reason: expect.any(RemoteError) })
    }
  })

  it('BroadcastView.abort spares what has not started, a signal ends what has', async () => {
    for (const view of views) {
      const controller = new AbortController()
      const endless = view.with({ signal: controller.signal }).apply(() => {
        console.log('begun')
        for (;;);
      })
      let begun = 0
      for await (const output of endless.streamOutputs()) if (output.type === 'stream' && ++begun === 3) break
      const queued = view.apply(() => 1)
      const aborted = queued.abort()
      controller.abort()
      const errors: Error[] = (await endless.get().catch(caught => caught)).errors
      expect(errors.every(error => error instanceof TaskAborted)).toBe(true)
      await aborted
      const ends = await queued.allSettled()
      expect(ends.map(end => end.status === 'rejected' && end.reason.code)).toEqual(
        Array(3).fill('ERR_TASK_ABORTED'),
      )
      expect(await view.apply(() => 'alive')).toEqual(Array(3).fill('alive'))
    }
  })

  it('BroadcastView takes an NDArray to all engines and rows of it to each', async () => {
    const grid = new NDArray(
      Float64Array.from({ length: 5 * 400 }, (_, i) => i),
      [5, 400],
    )
    for (const view of views) {
      await view.push({ grid })
      expect(await view.apply((g: NDArray) => [g.shape, g.at(-1, -1)], new Reference('grid'))).toEqual(
        Array(3).fill([[5, 400], 1999]),
      )
      for (const dist of ['b', 'r'] as const) {
        await view.scatter('rows', grid, { dist })
        const gathered = await view.gather<NDArray>('rows', { dist })
        expect(gathered).toBeInstanceOf(NDArray)
        expect([gathered.shape, gathered.dtype, gathered.data]).toEqual([[5, 400], 'float64', grid.data])
      }
    }
  })

  it('BroadcastView loses only what a killed engine took with it', async () => {
    for (const coalesce of [false, true]) {
      const view = rc.broadcastView('all', { coalesce })
      const ids = rc.ids
      const pids = await view.apply(() => process.pid)
      const result = view.apply((victim: number) => {
        if (process.pid === victim) process.kill(process.pid, 'SIGKILL')
        return 'survived'
      }, pids[1]!)
      const ends = await result.allSettled()
      expect(ends.map(end => (end.status === 'fulfilled' ? end.value : end.reason))).toEqual(
        ids.map((_, i) => (i === 1 ? expect.any(EngineError) : 'survived')),
      )
      expect(String(result)).toContain(`1 of ${ids.length} failed on engine ${ids[1]}`)
    }
  })
})
