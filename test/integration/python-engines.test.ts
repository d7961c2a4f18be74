/** A TypeScript client, with Python engines alone and with both kinds. */

import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Client,
  Cluster,
  NDArray,
  PythonObject,
  python,
  Reference,
  RemoteError,
  SerializationError,
} from 'itsparallel'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

const PROGRAM_MS = 120_000

describeNeeds('a TypeScript client with Python engines', ['ipyparallel', 'numpy'], () => {
  let world: ClusterWorld
  let cluster: Cluster
  let rc: Client

  beforeAll(async () => {
    world = new ClusterWorld()
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    vi.stubEnv('ITSPARALLEL_PYTHON', DEBIAN_PYTHON)
    cluster = await Cluster.start({ engines: { python: 2, node: 2 }, timeout: 60 })
    rc = await cluster.connect()
  }, 90_000)

  afterAll(async () => {
    await rc.close()
    await cluster.stop()
    vi.unstubAllEnvs()
    await world.close()
  }, 60_000)

  const pythonView = () => rc.directView({ language: 'python' })
  const nodeView = () => rc.directView({ language: 'javascript' })

  it('Client.engines tells what each engine runs, and views take those of one language', async () => {
    const kinds = rc.engines.map(({ language }) => language).sort()
    expect(kinds).toEqual(['javascript', 'javascript', 'python', 'python'])
    const ours = rc.engines.find(({ language }) => language === 'javascript')!
    expect(ours).toMatchObject({ id: expect.any(Number), versions: { node: process.versions.node } })
    expect(pythonView().targets).toEqual(
      rc.engines.filter(({ language }) => language === 'python').map(({ id }) => id),
    )
    await using late = await cluster.connect()
    expect(late.engines).toEqual(rc.engines)
  })

  it('DirectView pushes and pulls plain data', async () => {
    const values = {
      text: 'grüße \u{1f600}',
      whole: 7,
      half: 0.5,
      big: 2n ** 70n,
      yes: true,
      nothing: null,
      list: [1, [2, 'x'], { deep: [null] }],
      map: new Map([[1, 'one']]),
      set: new Set(['a', 'b']),
      bytes: Buffer.from('abc'),
      when: new Date('2020-01-02T03:04:05.678Z'),
    }
    await pythonView().push(values)
    const [first, second] = await pythonView().pull(Object.keys(values))
    expect(first).toEqual(Object.values(values))
    expect(second).toEqual(first)
    expect(
      await pythonView().pull('[type(x).__name__ for x in (whole, half, big, list, map, set, bytes, when)]'),
    ).toEqual(Array(2).fill(['int', 'float', 'int', 'list', 'dict', 'set', 'bytes', 'datetime']))
    pythonView().namespace.x = 41
    expect(await pythonView().namespace['x + 1']).toEqual([42, 42])
  })

  it('DirectView keeps dtype and shape of arrays, and the engines see them (64)', async () => {
    const grid = new NDArray(
      Float32Array.from({ length: 600 }, (_, i) => i),
      [20, 30],
    )
    const one = pythonView()
    await one.push({
      grid,
      counts: Int32Array.of(1, 2, 3),
      ids: BigUint64Array.of(2n ** 63n),
      inside: [grid, [grid]],
    })
    expect(
      await one.pull('(str(grid.dtype), grid.shape, float(grid[19, 29]), str(counts.dtype), str(ids.dtype))'),
    ).toEqual(Array(2).fill(['float32', [20, 30], 599, 'int32', 'uint64']))
    expect((await one.pull('grid * 2'))[0]).toEqual(
      new NDArray(
        grid.data.map(x => x * 2),
        [20, 30],
      ),
    )
    expect((await one.pull(['counts', 'ids', 'inside']))[1]).toEqual([
      Int32Array.of(1, 2, 3),
      BigUint64Array.of(2n ** 63n),
      [grid, [grid]],
    ])
    expect((await one.pull('grid > 598'))[0]).toMatchObject({ dtype: 'bool', shape: [20, 30] })
  })

  it('DirectView scatters and gathers', async () => {
    const numbers = Float64Array.from({ length: 1001 }, (_, i) => i / 2)
    await pythonView().scatter('part', numbers)
    expect(await pythonView().pull('len(part)')).toEqual([501, 500])
    expect(await pythonView().gather('part')).toEqual(numbers)
    await pythonView().scatter('words', ['a', 'b', 'c'])
    expect(await pythonView().gather('words')).toEqual(['a', 'b', 'c'])
  })

  it('apply calls functions of modules, with keyword arguments, and source', async () => {
    const view = pythonView()
    const norm = python<number>('numpy.linalg:norm')
    expect(await view.apply(norm, Float64Array.of(3, 4))).toEqual([5, 5])
    const grid = new NDArray(Float64Array.of(3, 4, 6, 8), [2, 2])
    expect(await view.apply(norm.with({ axis: 1 }), grid)).toEqual(Array(2).fill(Float64Array.of(5, 10)))
    await view.push({ offset: 100 })
    const shifted = python.source<number>(`
      import math
      def half(x): return x / 2
      def shifted(x, times=1):
          return math.floor(half(x)) * times + offset
    `)
    expect(await view.apply(shifted, 9)).toEqual([104, 104])
    expect(await view.apply(shifted.with({ times: 10 }), 9)).toEqual([140, 140])
    expect(await view.apply(python.source('lambda x: x + offset'), 1)).toEqual([101, 101])
    await expect(view.pull('shifted')).rejects.toThrow(/NameError/)
    await view.execute('def twice(x): return 2 * x')
    expect(await view.apply(new Reference('twice'), new Reference('offset'))).toEqual([200, 200])
  })

  it('map runs on a direct and on a balanced view', async () => {
    const square = python.source<number>('def square(x): return x * x')
    const squares = Array.from({ length: 50 }, (_, i) => i * i)
    const inputs = squares.map((_, i) => i)
    expect(await pythonView().map(square, inputs)).toEqual(squares)
    const balanced = rc.loadBalancedView({ language: 'python' })
    expect(await balanced.map(square, inputs)).toEqual(squares)
    expect(await balanced.map(python<number>('operator:add'), [1, 2], [10, 20])).toEqual([11, 22])
    const settled = await balanced
      .with({ returnExceptions: true, chunkSize: 2 })
      .map(python.source('lambda x: 1 / x'), [1, 0, 2])
    expect(settled).toEqual([1, expect.any(RemoteError), 0.5])
    expect(settled[1]).toMatchObject({ ename: 'ZeroDivisionError', index: 1 })
  })

  it.each([false, true])('BroadcastView calls them by one message, coalescing %s', async coalesce => {
    const view = rc.broadcastView({ language: 'python' }, { coalesce })
    const doubled = python.source<Float64Array>('lambda x: x * 2')
    const numbers = Float64Array.from({ length: 1000 }, (_, i) => i)
    expect(await view.apply(doubled, numbers)).toEqual(Array(2).fill(numbers.map(x => x * 2)))
    await view.push({ greeting: 'hello' })
    expect(await view.pull('greeting')).toEqual(['hello', 'hello'])
    const all = rc.broadcastView('all', { coalesce })
    await all.push({ everywhere: [1, 2] })
    expect(await all.pull('everywhere')).toEqual(Array(4).fill([1, 2]))
  })

  it('[68] errors are RemoteErrors with the Python traceback and the number of the engine', async () => {
    const [id] = pythonView().targets
    const failing = python.source('def failing(x):\n    return {}[x]')
    const error = await rc
      .at(id!)
      .apply(failing, 'k')
      .then(
        () => undefined,
        thrown => thrown,
      )
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ ename: 'KeyError', evalue: "'k'", engineId: id })
    expect((error as RemoteError).traceback).toMatch(/Traceback|KeyError/)
  })

  it('output and what is displayed come back', async () => {
    const [id] = pythonView().targets
    const printed = rc
      .at(id!)
      .execute(
        'print("hello"); from IPython.display import display, HTML; display(HTML("<b>x</b>"))\n6 * 7',
        {
          silent: false,
        },
      )
    const reply = await printed
    expect(printed.stdout).toBe('hello\n')
    expect(printed.outputs).toContainEqual(
      expect.objectContaining({
        type: 'display_data',
        data: expect.objectContaining({ 'text/html': '<b>x</b>' }),
      }),
    )
    expect(reply.text).toBe('42')
    const applied = rc.at(id!).apply(python('builtins:print'), 'from apply')
    expect(await applied).toBeNull()
    expect(applied.stdout).toBe('from apply\n')
  })

  it('what has no counterpart stays a PythonObject that can be sent back', async () => {
    const one = rc.at(pythonView().targets[0]!)
    await one.execute('import decimal; price = decimal.Decimal("1.50")\nclass P: pass\np = P(); p.x = 1')
    const price = await one.pull('price')
    expect(price).toBeInstanceOf(PythonObject)
    expect(String(price)).toBe("decimal.Decimal('1.50')")
    await one.push({ again: price })
    expect(await one.pull('again == price and type(again).__name__')).toBe('Decimal')
    expect(String(await one.pull('len'))).toBe('<len>')
    const function_ = await one.apply(python.source('lambda: (lambda x: x + 1)'))
    expect(await one.apply(python.source('lambda f: f(1)'), function_)).toBe(2)
  })

  it('functions run only where their language is spoken, and are refused at the call elsewhere', async () => {
    const all = rc.directView()
    const ids = pythonView().targets.join(', ')
    expect(() => all.apply(() => 1)).toThrow(SerializationError)
    expect(() => all.apply(function simulate() {})).toThrow(
      `simulate is a JavaScript function, and engines ${ids} run python`,
    )
    expect(() => all.map(python('math:sqrt'), [1])).toThrow(
      /math:sqrt is a Python function, and engines .* run javascript/,
    )
    expect(() => rc.loadBalancedView(pythonView().targets).apply(() => 1)).toThrow(SerializationError)
    expect(() => pythonView().push({ f: () => 1 })).toThrow(
      /push → f cannot travel: it is a JavaScript function/,
    )
    expect(() => python('math:sqrt')(4)).toThrow(/call it on engines/)
    // A balanced view of both kinds sends each function to those that can run it.
    const balanced = rc.loadBalancedView()
    expect(await balanced.map((x: number) => x + 1, [1, 2, 3, 4, 5, 6])).toEqual([2, 3, 4, 5, 6, 7])
    expect(await balanced.map(python<number>('math:sqrt'), [1, 4, 9])).toEqual([1, 2, 3])
    // Names and data mean something to both.
    await all.push({ shared: { a: [1, 2.5] } })
    expect(await all.pull('shared')).toEqual(Array(4).fill({ a: [1, 2.5] }))
    await all.scatter('piece', Float64Array.of(1, 2, 3, 4))
    expect(await all.gather('piece')).toEqual(Float64Array.of(1, 2, 3, 4))
    expect(await nodeView().apply((x: number) => x + 1, 1)).toEqual([2, 2])
  })

  it('a Python engine that joins while JavaScript tasks wait takes none of them', async () => {
    await using few = await Cluster.start({ engines: { node: 1 }, timeout: 60 })
    await using client = await few.connect()
    const view = client.loadBalancedView()
    const pipe = join(world.ipythonDir, 'go-on')
    execFileSync('mkfifo', [pipe])
    // Until somebody writes into the pipe.
    const first = view.apply(async (path: string) => {
      const { readFile } = await import('node:fs/promises')
      return await readFile(path, 'utf8')
    }, pipe)
    const waiting = Array.from({ length: 20 }, (_, i) => view.apply((x: number) => x * 2, i))
    const late = world.startPython(
      ['-m', 'ipyparallel.engine', `--file=${few.connectionFile.replace('client', 'engine')}`],
      {},
      PROGRAM_MS,
    )
    await client.waitForEngines(2)
    // It is there, has nothing to do, and serves what is for it.
    expect(await view.map(python<number>('math:sqrt'), [1, 4, 9])).toEqual([1, 2, 3])
    expect(waiting.filter(result => result.ready())).toEqual([])
    await writeFile(pipe, 'go on')
    expect(await first).toBe('go on')
    expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => 2 * i))
    await client.shutdown({ targets: [1] })
    await late.finished
  }, 90_000)
})
