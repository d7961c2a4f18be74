import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { type Client, Cluster, RemoteError, TaskAborted } from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let cluster: Cluster
let rc: Client

beforeAll(async () => {
  cluster = await Cluster.start({ n: 3 })
  rc = await cluster.connect()
})

afterAll(async () => {
  await rc.close()
  await cluster.stop()
})

const range = (length: number): number[] => Array.from({ length }, (_, i) => i)

describe('map on a cluster', () => {
  it('map loses nothing to bad elements, and says which they were', async () => {
    const fail = (x: number): number => {
      if (x % 100 === 7) throw new RangeError(`bad ${x}`)
      return -x
    }
    const view = rc.loadBalancedView()
    const values = await view.with({ returnExceptions: true }).map(fail, range(10_000))
    for (const [i, value] of values.entries()) {
      if (i % 100 !== 7) expect(value).toBe(-i)
      else expect(value).toMatchObject({ ename: 'RangeError', evalue: `bad ${i}`, index: i })
    }
    const [bad] = values.filter(value => value instanceof RemoteError)
    expect(bad!.traceback).toContain('map.test.ts')

    const seen: number[] = []
    const loop = async () => {
      for await (const value of view.with({ chunkSize: 50 }).map(fail, range(1000))) seen.push(value)
    }
    await expect(loop()).rejects.toMatchObject({ ename: 'RangeError', index: 7 })
    expect(seen).toEqual(range(7).map(x => -x))
  })

  it('map runs pieces again elsewhere, as often as retries say', async () => {
    const bad = await rc.at(0).apply(() => process.pid)
    const pick = (x: number): number => {
      if (process.pid === bad) throw new Error('not here')
      return x
    }
    const view = rc.loadBalancedView().with({ chunkSize: 5, retries: 2 })
    expect(await view.map(pick, range(100))).toEqual(range(100))
    expect(await view.with({ returnExceptions: true }).map(pick, range(100))).toEqual(range(100))
  })

  it('an AbortSignal interrupts endless elements, closes the source, and the engines go on', async () => {
    const stop = new AbortController()
    let isClosed = false
    async function* numbers() {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        isClosed = true
      }
    }
    const started = Promise.all(
      rc.ids.map(() => new Promise<void>(resolve => rc.once('stdout', () => resolve()))),
    )
    const view = rc.loadBalancedView().with({ signal: stop.signal })
    const result = view.map((_: number) => {
      console.log('started')
      for (;;);
    }, numbers())
    await started
    stop.abort()
    await expect(result.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(isClosed).toBe(true)
    expect(await rc.directView().apply(() => 'free')).toEqual(['free', 'free', 'free'])
  })

  it('a piece that is interrupted while it awaits runs none of its other elements', async () => {
    await rc.at(0).push({ ran: [] })
    const view = rc.loadBalancedView([0]).with({ chunkSize: 10 })
    const result = view.map(async (x: number) => {
      ran.push(x)
      console.log('started')
      await new Promise(resolve => setImmediate(resolve))
      if (x === 3) await new Promise(resolve => Object.assign(globalThis, { goOn: resolve }))
    }, range(10))
    while (result.stdout.join('').split('started').length < 5)
      await new Promise(resolve => rc.once('stdout', resolve))
    expect(result.cancel()).toBe(true)
    // Whatever would follow has come in these turns of the engine's event loop.
    await rc
      .at(0)
      .execute('goOn(); for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))')
    expect(await rc.at(0).pull('ran')).toEqual([0, 1, 2, 3])
  })

  it('map over an endless generator takes no more memory the longer it runs', {
    timeout: 60_000,
  }, async () => {
    const program = `
      import { Cluster } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      const cluster = await Cluster.start({ n: 2 })
      const rc = await cluster.connect()
      function* numbers() { for (let i = 0; ; i++) yield i }
      let count = 0
      for await (const text of rc.loadBalancedView().map(x => 'number ' + x, numbers())) {
        if (text !== 'number ' + count) throw new Error(text)
        count += 1
        if (count === 2_000_000) break
      }
      console.log(count)
      await rc.close()
      await cluster.stop()`
    const args = ['--max-old-space-size=64', '--input-type=module', '-e', program]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', piece => {
      text += piece
    })
    const [code] = await once(child, 'close')
    expect({ code, text }).toEqual({ code: 0, text: '2000000\n' })
  })

  it('map gives every value although an engine dies in its middle', async () => {
    const pids = await rc.directView().apply(() => process.pid)
    const work = (x: number): number => {
      const until = performance.now() + 0.5
      while (performance.now() < until);
      return x * 2
    }
    const seen: number[] = []
    for await (const value of rc.loadBalancedView().map(work, range(3000))) {
      seen.push(value)
      if (seen.length === 500) process.kill(pids[1]!, 'SIGKILL')
    }
    expect(seen).toEqual(range(3000).map(x => x * 2))
  })
})

/** A variable of the engine's. */
declare const ran: number[]
