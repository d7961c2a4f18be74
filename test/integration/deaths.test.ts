import { Cluster, EngineError, TaskAborted } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let cluster: Cluster
let rc: Awaited<ReturnType<Cluster['connect']>>
beforeAll(async () => {
  // A small heap, so that running out of it takes no time; and a quick heart, to notice what only a heartbeat tells.
  const before = process.env.NODE_OPTIONS
  process.env.NODE_OPTIONS = '--max-old-space-size=64'
  cluster = await Cluster.start({ n: 3, controllerArgs: ['--ping=250'] })
  if (before === undefined) delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = before
  rc = await cluster.connect()
})
afterAll(async () => {
  await rc.close()
  await cluster.stop()
})

async function failure(result: {
  get(options: { timeout: number }): Promise<unknown>
}): Promise<EngineError> {
  const error = await result.get({ timeout: 25 }).then(
    value => expect.unreachable(`it gave ${value}`),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(EngineError)
  return error as EngineError
}

const WAYS = {
  exit: () => {
    console.error('about to leave')
    process.exit(7)
  },
  signal: () => {
    process.kill(process.pid, 'SIGSEGV')
    return new Promise<never>(() => {})
  },
  memory: () => {
    const kept: unknown[] = []
    for (;;) kept.push(new Array(10_000).fill(kept.length))
  },
} as const

const ENDS = {
  exit: { exitCode: 7, reason: 'process.exit(7)' },
  signal: { signal: 'SIGSEGV' },
  memory: { reason: 'out of memory', stderr: expect.stringContaining('heap out of memory') },
} as const

describe('a task that kills its engines', () => {
  it.each(['exit', 'signal', 'memory'] as const)(
    'by %s fails with the three that it killed and how, and nobody else notices',
    async way => {
      const view = rc.loadBalancedView()
      const poison = view.apply<[], unknown>(WAYS[way])
      const others = Array.from({ length: 200 }, (_, i) =>
        view.apply(async (x: number) => {
          await new Promise(resolve => setTimeout(resolve, 2))
          return x * 2
        }, i),
      )
      const error = await failure(poison)
      expect(error.engines).toMatchObject([ENDS[way], ENDS[way], ENDS[way]])
      const ids = error.engines.map(({ id }) => id)
      expect(new Set(ids).size).toBe(3)
      for (const id of ids) expect(error.message).toContain(`engine ${id} (`)
      expect(await Promise.all(others)).toEqual(others.map((_, i) => i * 2))
      await rc.waitForEngines(3, { timeout: 20 })
    },
  )
})

describe('a request to one engine', () => {
  it('fails when it dies with its cause, and so does whoever asks for its names later', async () => {
    const id = rc.ids[0]!
    const view = rc.directView([id])
    await view.push({ treasure: 42 })
    const dying = view.apply(WAYS.exit)
    const behind = view.apply(() => 'never run')
    for (const result of [dying, behind]) {
      const error = await failure(result)
      expect(error.engines).toMatchObject([{ id, ...ENDS.exit }])
      expect(error.message).toMatch(/and the names it held died with it: process.exit\(7\)/)
    }
    expect(dying.stderr).toEqual(['about to leave\n'])
    expect(() => view.pull('treasure')).toThrow(
      new RegExp(`engine ${id} is gone, and the names it held with it: process.exit\\(7\\)`),
    )
    await rc.waitForEngines(3, { timeout: 20 })
  })
})

describe('an error that nobody catches', () => {
  it('is shown to whoever caused it, and neither ends the engine nor anybody’s request', async () => {
    const view = rc.at(rc.ids[0]!)
    const pid = await view.apply(() => process.pid)
    const result = view.apply(async () => {
      setTimeout(() => {
        throw new RangeError('in a timer')
      })
      await new Promise(resolve => setTimeout(resolve, 50))
      return process.pid
    })
    expect(await result).toBe(pid)
    expect(result.stderr).toMatch(/^Uncaught RangeError: in a timer/)
    expect(await view.apply(() => process.pid)).toBe(pid)
  })
})

describe('an engine that stops without a word', () => {
  it('is noticed by its heartbeat within six seconds, and its task runs elsewhere', async () => {
    const victim = rc.ids[0]!
    const pid = await rc.at(victim).apply(() => process.pid)
    const begun = new Promise<void>(resolve =>
      rc.on('stdout', ({ engineId }) => engineId === victim && resolve()),
    )
    // One for each engine: the one that the victim gets does not end there.
    const results = rc.ids.map(() =>
      rc.loadBalancedView().apply(async (stopped: number) => {
        console.log('begun')
        await new Promise(resolve => setTimeout(resolve, process.pid === stopped ? 600_000 : 100))
        return process.pid
      }, pid),
    )
    await begun
    const gone = new Promise<{ id: number; cause: { reason?: string } | undefined }>(resolve =>
      rc.once('engine:unregistered', resolve),
    )
    const stoppedAt = performance.now()
    process.kill(pid, 'SIGSTOP')
    try {
      expect(await gone).toMatchObject({
        id: victim,
        cause: { reason: expect.stringContaining('heartbeat') },
      })
      expect(performance.now() - stoppedAt).toBeLessThan(6000)
      expect(await Promise.all(results)).not.toContain(pid)
    } finally {
      process.kill(pid, 'SIGKILL')
    }
    await rc.waitForEngines(3, { timeout: 20 })
  })
})

describe('an engine that is stopped and goes on', () => {
  it('comes back with its names, after its task ran elsewhere and settled once', async () => {
    await using other = await Cluster.start({ n: 2, controllerArgs: ['--ping=100'] })
    await using client = await other.connect()
    await client.directView().push({ kept: 'all along' })
    const pids = await client.directView().apply(() => process.pid)
    const sleeper = client.ids[0]!
    const begun = new Promise<void>(resolve =>
      client.on('stdout', ({ engineId }) => engineId === sleeper && resolve()),
    )
    // One for each engine. What the sleeper has in hand ends there in the end, when nobody waits for that any more.
    const results = client.ids.map(() =>
      client.loadBalancedView().apply(async (stopped: number) => {
        console.log('begun')
        await new Promise(resolve => setTimeout(resolve, process.pid === stopped ? 500 : 0))
        return process.pid
      }, pids[0]!),
    )
    await begun
    const gone = new Promise<{ id: number }>(resolve => client.once('engine:unregistered', resolve))
    process.kill(pids[0]!, 'SIGSTOP')
    try {
      expect(await gone).toMatchObject({ id: sleeper })
      expect(await Promise.all(results)).toEqual([pids[1], pids[1]])
    } finally {
      process.kill(pids[0]!, 'SIGCONT')
    }
    await client.waitForEngines(2, { timeout: 20 })
    const names = await client
      .directView()
      .apply(() => [process.pid, (globalThis as unknown as { kept: string }).kept])
    expect(names).toEqual(expect.arrayContaining(pids.map(one => [one, 'all along'])))
    expect(await client.loadBalancedView().map((x: number) => x * x, [1, 2, 3])).toEqual([1, 4, 9])
  })
})

describe('cancelled tasks', () => {
  it.each(['cancel', 'abort', 'signal'] as const)(
    'by %s never run, whether they wait for an engine, in one, or for other tasks',
    async way => {
      const stop = new AbortController()
      const view = rc.loadBalancedView().with(way === 'signal' ? { signal: stop.signal } : {})
      await rc.directView().push({ ran: 0 })
      const begun = new Promise<void>(resolve => rc.once('stdout', () => resolve()))
      const blockers = rc.ids.map(id =>
        rc.loadBalancedView(id).apply(async () => {
          console.log('begun')
          await new Promise(resolve => setTimeout(resolve, 600_000))
        }),
      )
      await begun
      const run = () => {
        ;(globalThis as unknown as { ran: number }).ran += 1
      }
      const queued = Array.from({ length: 50 }, () => view.apply(run))
      const waiting = view.with({ after: blockers }).apply(run)
      const all = [...queued, waiting]
      if (way === 'signal') stop.abort()
      else if (way === 'cancel') for (const result of all) result.cancel()
      else await rc.abort(all)
      const outcomes = await Promise.allSettled(all)
      expect(outcomes.map(outcome => outcome.status === 'rejected' && outcome.reason)).toEqual(
        all.map(() => expect.any(TaskAborted)),
      )
      for (const blocker of blockers) blocker.cancel()
      await rc.loadBalancedView().map((x: number) => x, [1, 2, 3])
      expect(await rc.directView().apply(() => (globalThis as unknown as { ran?: number }).ran)).toEqual([
        0, 0, 0,
      ])
      expect((await rc.queueStatus()).unassigned).toBe(0)
    },
  )

  it('never run on engines that come later either', async () => {
    await using other = await Cluster.start({ n: 1 })
    await using client = await other.connect()
    const view = client.loadBalancedView()
    const gone = new Promise<unknown>(resolve => client.once('engine:unregistered', resolve))
    await other.stopEngines([0])
    await gone
    const cancelled = view.apply(() => process.exit(1))
    cancelled.cancel()
    await expect(cancelled.get()).rejects.toThrow(TaskAborted)
    await other.addEngines(1)
    expect(await view.apply(() => 'alive')).toBe('alive')
    expect(client.ids).toEqual([1])
  })
})
