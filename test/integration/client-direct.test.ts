import { execFile } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NDArray } from '../../src/base/nd-array.ts'
import type { AsyncResult } from '../../src/client/async-result.ts'
import type { Client } from '../../src/client/client.ts'
import type { EngineOutput } from '../../src/client/output-stream.ts'
import { RemoteError, TaskAborted, UsageError } from '../../src/errors.ts'
import { Reference } from '../../src/serialize/payload.ts'
import { RealCluster } from './client-support.ts'

let cluster: RealCluster
let rc: Client

beforeAll(async () => {
  cluster = await RealCluster.start(2)
  rc = await cluster.connect()
})

afterAll(async () => {
  await rc.close()
  await cluster[Symbol.asyncDispose]()
})

/** The first `count` pieces of text that a result prints, once they are there. */
async function begun(
  result: AsyncResult<unknown>,
  count: number,
): Promise<(EngineOutput & { text: string })[]> {
  const seen: (EngineOutput & { text: string })[] = []
  for await (const output of result.streamOutputs()) {
    if (output.type === 'stream') seen.push(output)
    if (seen.length === count) break
  }
  return seen
}

const fixture = (name: string) => new URL(`../fixtures/client/${name}`, import.meta.url)

describe('DirectView with real engines', () => {
  it('DirectView.run runs a TypeScript file at top level, and what it declares stays', async () => {
    const view = rc.directView()
    await view.run(fixture('setup.ts'))
    expect(await view.pull('ran')).toEqual(['setup.ts', 'setup.ts'])
    await rc.at(0).execute('const a = area({ width: 6, height: 7 })')
    expect(await rc.at(0).pull('a')).toBe(42)
    await expect(rc.at(0).execute('refuse({ width: 3 })').get()).rejects.toMatchObject({
      // The line of the file as it was written, and not of what was left when its types were taken out.
      traceback: expect.stringMatching(
        /^RangeError: 3 is too much\n.*refuse \(\/.*fixtures\/client\/setup\.ts:11:9\)/,
      ),
    })
    expect(() => view.run('nowhere.ts')).toThrow(UsageError)
    expect(() => view.run('nowhere.ts')).toThrow(/no such file.*nowhere\.ts/)
  })

  it('DirectView.syncImports imports here and there, under the same names', async () => {
    const view = rc.directView()
    const { os } = await view.syncImports({ os: () => import('node:os') })
    await view.execute('const host = os.hostname()')
    expect(await view.pull('host')).toEqual([os.hostname(), os.hostname()])
    const [path, more] = await view.syncImports<[typeof import('node:path'), { default: string }]>(
      'node:path',
      './test/fixtures/client/shapes.mjs',
    )
    expect(path.basename('/a/b')).toBe('b')
    expect(more.default).toBe('shapes')
    await view.execute('const text = path.basename("/a/b") + shapes.default + shapes.double(2)')
    expect(await view.pull('text')).toEqual(['bshapes4', 'bshapes4'])
    await expect(view.syncImports('node:nothing')).rejects.toThrow('nothing')
    await expect(view.syncImports('node:path', 'node:path')).rejects.toThrow('the same name')
    await expect(view.syncImports('-')).rejects.toThrow('no name follows')
  })

  it('DirectView.clear, queueStatus and abort are for its own engines', async () => {
    await rc.directView().push({ kept: 1 })
    await rc.at(1).clear()
    expect(await rc.at(0).pull('kept')).toBe(1)
    await expect(rc.at(1).pull('kept').get()).rejects.toMatchObject({ ename: 'ReferenceError' })
    const status = await rc.at(1).queueStatus()
    expect(Object.keys(status)).toEqual([String(rc.ids[1]), 'unassigned'])
    const busy = rc.directView().execute('console.log(1); for (;;) await new Promise(setImmediate)')
    await begun(busy, 2)
    const queued = rc.directView().apply(() => 'ran')
    await rc.at(0).abort()
    await rc.directView().with({ targets: 'all' }).abort([])
    await rc.at(0).kill('SIGINT')
    await rc.at(1).kill('SIGINT')
    const ends = await queued.allSettled()
    expect(ends).toEqual([
      { status: 'rejected', reason: expect.any(TaskAborted) },
      { status: 'fulfilled', value: 'ran' },
    ])
    expect((await busy.allSettled()).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('DirectView takes a Reference nested in arguments, and as the function itself', async () => {
    const view = rc.directView()
    await view.push({ data: [1, 2, 3], add: (a: number, b: number) => a + b })
    const sum = ({ list }: { list: number[] }) => list.reduce((a, b) => a + b)
    expect(await view.apply(sum, { list: new Reference('data') })).toEqual([6, 6])
    expect(await view.apply(new Reference('add'), 1, 2)).toEqual([3, 3])
    await view.push({ copy: { deep: [new Reference('data')] } })
    expect(await rc.at(0).pull('copy')).toEqual({ deep: [[1, 2, 3]] })
  })

  it('NDArrays are instances at both ends, of the same type, and can be made there', async () => {
    const grid = new NDArray(new Int16Array([1, 2, 3, 4, 5, 6]), [3, 2])
    const view = rc.directView()
    const halves = view.parallel(
      (rows: NDArray<Int16Array>) =>
        new NDArray(
          rows.data.map(x => -x),
          rows.shape,
        ),
    )
    const negated = await halves(grid)
    expect(negated).toBeInstanceOf(NDArray)
    expect([negated.shape, negated.dtype, [...negated.data]]).toEqual([
      [3, 2],
      'int16',
      [-1, -2, -3, -4, -5, -6],
    ])
    await view.scatter('one', grid.rows(0, 1), { flatten: true })
    expect((await rc.at(0).pull<NDArray>('one')).shape).toEqual([2])
    expect((await view.pull<NDArray>('one'))[1]!.shape).toEqual([0, 2])
    const same = await rc.at(0).apply((a: NDArray) => a instanceof NDArray, grid)
    expect(same).toBe(true)
  })

  it('AsyncResult.streamOutputs gives outputs while the function runs, with their engines', async () => {
    const result = rc.directView().apply(async () => {
      console.log('begun')
      for (;;) await new Promise(resolve => setImmediate(resolve))
    })
    const seen = await begun(result, 2)
    expect(result.ready()).toBe(false)
    expect(seen.map(({ engineId, text }) => [engineId, text]).sort()).toEqual(
      rc.ids.map(id => [id, 'begun\n']),
    )
    await rc.directView().kill('SIGINT')
    await expect(result.get()).rejects.toThrow('KeyboardInterrupt')
  })

  it('AsyncResult.displayOutputs shows what each engine printed and displayed', async () => {
    const result = rc.directView().execute('console.log("a\\nb"); console.error("c"); 42', { silent: false })
    const stdout = new PassThrough()
    const stderr = new PassThrough()
    await result.displayOutputs({ stdout, stderr })
    stdout.end()
    stderr.end()
    const [first, second] = rc.ids
    expect(await text(stdout)).toBe(
      `[stdout:${first}]\na\nb\n[stdout:${second}]\na\nb\n[output:${first}] 42\n[output:${second}] 42\n`,
    )
    expect(await text(stderr)).toBe(`[stderr:${first}] c\n[stderr:${second}] c\n`)
  })

  it('AsyncResult that fails and that nobody awaits crashes nothing', async () => {
    const program = `
      import { Client } from 'itsparallel'
      const rc = await Client.connect({ connectionFile: process.argv[1] })
      const fail = () => { throw new Error('nobody asks') }
      const results = [
        rc.directView().apply(fail),
        rc.broadcastView().apply(fail),
        rc.broadcastView('all', { coalesce: true }).apply(fail),
        rc.loadBalancedView().apply(fail),
        rc.loadBalancedView().map(fail, [1, 2, 3]),
        rc.directView().map(fail, [1, 2, 3]),
        rc.directView().pull('nowhere'),
        rc.directView().gather('nowhere'),
        rc.directView().execute('throw new Error()'),
      ]
      results[0].streamOutputs()
      results[1][Symbol.asyncIterator]()
      await rc.wait()
      console.log(results.map(result => result.successful()).join(), results[0].metadata[0].error.name)
      await rc.close()`
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program, cluster.connectionFile],
      { cwd: new URL('../..', import.meta.url), timeout: 25_000 },
    )
    expect(stdout).toBe(`${Array(9).fill('false').join()} RemoteError\n`)
    expect(stderr).toBe('')
  })

  it('AsyncResult gives each engine’s value as it comes', async () => {
    const values: number[] = []
    for await (const pid of rc.directView().apply(() => process.pid)) values.push(pid)
    expect(values.sort()).toEqual(cluster.engines.map(({ pid }) => pid).sort())
  })

  it('DirectView.kill ends the processes of its engines', async () => {
    const gone = new Promise(resolve => rc.once('engine:unregistered', resolve))
    await rc.at(-1).kill()
    await gone
    expect(await rc.directView().apply(() => 'left')).toEqual(['left'])
    await expect(
      rc
        .at(0)
        .apply(() => Promise.reject(new Error('no')))
        .get(),
    ).rejects.toBeInstanceOf(RemoteError)
  })
})
