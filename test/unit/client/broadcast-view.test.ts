import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/client.ts'
import { CompositeError, EngineError, NoEnginesError, TaskAborted } from '../../../src/errors.ts'
import { FakeCluster } from './fake-cluster.ts'

let cluster: FakeCluster
let rc: Client

beforeEach(async () => {
  cluster = await FakeCluster.start(3)
  rc = await cluster.connect()
})

afterEach(async () => {
  await rc.close()
  await cluster.close()
})

/** Requests that were sent other than by broadcast. */
const others = () => cluster.requests.filter(({ channel }) => channel === 'mux' || channel === 'task')

describe('BroadcastView', () => {
  it('BroadcastView.apply sends one message, and has a value and metadata for each engine', async () => {
    const result = rc.broadcastView().apply((x: number) => x * 2, 21)
    expect(await result).toEqual([42, 42, 42])
    expect(cluster.broadcasts).toHaveLength(1)
    expect(others()).toEqual([])
    const { header, metadata } = cluster.broadcasts[0]!
    expect(metadata).toEqual({
      itsparallel: { v: 1 },
      targets: cluster.engines.map(({ uuid, id }) => [uuid, id]),
      is_broadcast: true,
      is_coalescing: false,
    })
    expect(result.msgIds).toEqual(cluster.engines.map(({ uuid }) => `${header.msg_id}_${uuid}`))
    expect(result.targets).toEqual([0, 1, 2])
    expect(result.metadata.map(({ status, engineId }) => [status, engineId])).toEqual([
      ['ok', 0],
      ['ok', 1],
      ['ok', 2],
    ])
  })

  it('BroadcastView takes every call of a DirectView', async () => {
    const view = rc.broadcastView()
    await view.push({ a: 6, b: 7 })
    await view.execute('c = a * b')
    expect(await view.pull('c')).toEqual([42, 42, 42])
    expect(cluster.broadcasts).toHaveLength(3)
    view.namespace.a = 1
    expect(await view.namespace.a).toEqual([1, 1, 1])
    await view.scatter('x', [1, 2, 3, 4])
    expect(await view.gather('x')).toEqual([1, 2, 3, 4])
    expect(await view.map((x: number) => x + 1, [1, 2, 3, 4, 5])).toEqual([2, 3, 4, 5, 6])
    expect(await view.parallel((xs: readonly number[]) => xs.map(x => -x))([1, 2, 3, 4])).toEqual([
      -1, -2, -3, -4,
    ])
    expect(await view.remote((x: number) => x)(1)).toEqual([1, 1, 1])
    // Whatever is asked of one view goes one way: it stays in order.
    expect(others()).toEqual([])
  })

  it('BroadcastView has the shapes and targets of a DirectView', async () => {
    expect(await rc.broadcastView(-1).apply(() => 1)).toBe(1)
    expect(await rc.broadcastView([0, 2]).apply(() => 1)).toEqual([1, 1])
    const all = rc.broadcastView()
    expect(await all.with({ targets: 1 }).apply(() => 1)).toBe(1)
    expect(String(all)).toBe('<BroadcastView of all: engines 0–2>')
    expect(() => rc.broadcastView(7)).toThrow('there is no engine 7')
    for (const engine of [...cluster.engines]) cluster.removeEngine(engine)
    await new Promise(resolve => rc.on('engine:unregistered', () => rc.length === 0 && resolve(undefined)))
    expect(() => all.apply(() => 1)).toThrow(NoEnginesError)
  })

  it('BroadcastView tells which engines failed', async () => {
    const fail = () => {
      throw new RangeError('no')
    }
    const error = await rc
      .broadcastView()
      .apply(fail)
      .get()
      .catch(caught => caught)
    expect(error).toBeInstanceOf(CompositeError)
    expect(error.errors.map(({ engineId }: { engineId: number }) => engineId)).toEqual([0, 1, 2])
    expect(error.message).toContain('3 × RangeError: no [engines 0, 1, 2]')
  })

  it('BroadcastView loses only what an engine took with it when it died', async () => {
    const { answer } = cluster
    cluster.answer = request => (request.engine?.id === 1 ? undefined : answer(request))
    const result = rc.broadcastView().apply(() => 'there')
    for await (const value of result) {
      expect(value).toBe('there')
      break
    }
    cluster.removeEngine(cluster.engines[1]!, { signal: 'SIGKILL' })
    const ends = await result.allSettled()
    expect(ends.map(end => (end.status === 'fulfilled' ? end.value : end.reason))).toEqual([
      'there',
      expect.any(EngineError),
      'there',
    ])
    await expect(result.get()).rejects.toThrow(/engine 1 died .*SIGKILL/)
  })

  it('BroadcastView.abort asks each engine about its own request, and a signal cancels them all', async () => {
    cluster.answer = () => undefined
    const view = rc.broadcastView()
    const result = view.apply(() => 1)
    await view.abort()
    const asked = cluster.requestsOf('abort_request').map(({ envelope }) => envelope.content.msg_ids)
    expect(asked).toEqual(result.msgIds.map(msgId => [msgId]))
    const controller = new AbortController()
    const cancelled = view.with({ signal: controller.signal }).apply(() => 1)
    controller.abort(new Error('enough'))
    await expect(cancelled.get()).rejects.toBeInstanceOf(CompositeError)
    const before = cluster.broadcasts.length
    const late = rc
      .broadcastView(0)
      .with({ signal: controller.signal })
      .apply(() => 1)
    await expect(late.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(cluster.broadcasts).toHaveLength(before)
  })

  it('BroadcastView with coalesce asks for one reply, except of source text and of one engine', async () => {
    cluster.answer = () => undefined
    const view = rc.broadcastView('all', { coalesce: true })
    view.apply(() => 1)
    view.execute('1')
    view.with({ targets: 1 }).apply(() => 1)
    await rc.queueStatus()
    expect(cluster.broadcasts.map(({ metadata }) => metadata.is_coalescing)).toEqual([true, false, false])
  })
})
