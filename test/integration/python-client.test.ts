/** A stock Python client, with TypeScript engines. */

import { Cluster } from 'itsparallel'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

describeNeeds('a Python client with TypeScript engines', ['ipyparallel', 'numpy'], () => {
  let world: ClusterWorld
  let cluster: Cluster

  beforeAll(async () => {
    world = new ClusterWorld()
    vi.stubEnv('IPYTHONDIR', world.ipythonDir)
    vi.stubEnv('ITSPARALLEL_PYTHON', DEBIAN_PYTHON)
    cluster = await Cluster.start({ n: 2, timeout: 60 })
  }, 60_000)

  afterAll(async () => {
    await cluster.stop()
    vi.unstubAllEnvs()
    await world.close()
  }, 60_000)

  /** Runs a program that has `rc`, a view of both engines, and `tell(name, value)`. */
  async function seen(source: string): Promise<Record<string, unknown>> {
    const program = `
import json, ipyparallel as ipp, numpy as np
rc = ipp.Client(cluster_id=${JSON.stringify(cluster.clusterId)}, timeout=15)
view = rc[:]
seen = {}
def tell(name, value): seen[name] = value
def failure(call):
    try: return ['no error', repr(call())]
    except ipp.error.CompositeError as error: return [error.elist[0][0], error.elist[0][1]]
    except ipp.RemoteError as error: return [error.ename, error.evalue]
${source}
rc.close()
print(json.dumps(seen))
`
    return JSON.parse(await world.runPython(program))
  }

  it('[66] [67] executes JavaScript, pushes and pulls plain data', { timeout: 40_000 }, async () => {
    const result = await seen(`
values = dict(a=5, big=2**70, f=0.5, t='grüße', l=[1, [2, None]], d={'k': True, 'n': {'x': 1}}, b=b'bytes', tup=(1, 2),
              num={1: 'one', 2: 'two'}, s={1, 2})
view.push(values, block=True)
tell('execute', view.execute('const twice = 2 * a; console.log(twice)', silent=False).get(10) is not None)
tell('twice', view.pull('twice', block=True))
for name in values: tell(name, repr(rc[0].pull(name, block=True)))
tell('several', rc[0].pull(['a', 't'], block=True))
tell('none', repr(rc[0].pull('undefined', block=True)))
tell('expression', view.pull('a + twice', block=True))
view['item'] = 3
tell('item', view['item'])
tell('missing', failure(lambda: rc[0].pull('nosuch', block=True)))
printed = rc[0].execute('console.log("hi")', silent=False); printed.get(10); printed.wait_for_output(10)
tell('stdout', printed.stdout)
tell('thrown', failure(lambda: rc[0].execute('throw new TypeError("no")', block=True)))
`)
    expect(result).toEqual({
      execute: true,
      twice: [10, 10],
      a: '5',
      big: String(2n ** 70n),
      f: '0.5',
      t: "'grüße'",
      l: '[1, [2, None]]',
      d: "{'k': True, 'n': {'x': 1}}",
      b: "b'bytes'",
      tup: '[1, 2]',
      num: "{1: 'one', 2: 'two'}",
      s: '{1, 2}',
      several: [5, 'grüße'],
      none: 'None',
      expression: [15, 15],
      item: [3, 3],
      missing: ['ReferenceError', 'nosuch is not defined'],
      stdout: 'hi\n',
      thrown: ['TypeError', 'no'],
    })
  })

  it('[67] moves numpy arrays, scatters and gathers', { timeout: 40_000 }, async () => {
    const result = await seen(`
for kind in ['<f8', '<f4', '<i4', '<i8', '<u2', '|u1', '|i1', '|b1', '<c16', '>i2']:
    for shape in [(5,), (40, 50), (0,), ()]:
        sent = (np.arange(int(np.prod(shape))) % 2).astype(kind).reshape(shape)
        rc[0].push({'x': sent}, block=True)
        got = rc[0].pull('x', block=True)
        same = isinstance(got, np.ndarray) and got.shape == shape and got.dtype == np.dtype(kind).newbyteorder('=') and bool((got == sent).all())
        if not same: tell(kind + str(shape), repr(got)[:200])
view.scatter('part', np.arange(1001.0), block=True)
tell('sums', view.pull('part.reduce((a, b) => a + b)', block=True))
tell('gathered', bool((view.gather('part', block=True) == np.arange(1001.0)).all()))
view.scatter('plain', list(range(7)), block=True)
tell('plain', view.gather('plain', block=True))
view.scatter('ranged', range(7), block=True)
tell('ranged', view.gather('ranged', block=True))
view.scatter('one', [10, 20], flatten=True, block=True)
tell('flat', view.pull('one', block=True))
rc[0].push({'nested': {'a': [np.arange(3), {'b': np.ones((2, 2))}]}}, block=True)
got = rc[0].pull('nested', block=True)
tell('nested', [got['a'][0].tolist(), got['a'][1]['b'].tolist()])
rc[0].push({'many': [np.arange(200) for _ in range(70)]}, block=True)
tell('many', sum(int(a.sum()) for a in rc[0].pull('many', block=True)))
`)
    expect(result).toEqual({
      sums: [125_250, 375_250],
      gathered: true,
      plain: [0, 1, 2, 3, 4, 5, 6],
      ranged: [0, 1, 2, 3, 4, 5, 6],
      flat: [10, 20],
      nested: [
        [0, 1, 2],
        [
          [1, 1],
          [1, 1],
        ],
      ],
      many: 70 * 19_900,
    })
  })

  it('calls JavaScript functions by Reference, and is refused Python functions', {
    timeout: 40_000,
  }, async () => {
    const result = await seen(`
import math
view.execute('globalThis.add = (x, y = 1) => x + y', block=True)
tell('called', view.apply_sync(ipp.Reference('add'), 4))
tell('expression', view.apply_sync(ipp.Reference('x => x * 3'), 4))
tell('argument', view.apply_sync(ipp.Reference('add'), ipp.Reference('add(1, 1)'), 5))
tell('balanced', rc.load_balanced_view().map_sync(ipp.Reference('add'), range(6)))
tell('mapped', view.map_sync(ipp.Reference('add'), [1, 2, 3], [10, 20, 30]))
tell('lambda', failure(lambda: view.apply_sync(lambda x: x, 1)))
tell('global', failure(lambda: rc[0].apply_sync(math.sqrt, 4)))
tell('map', failure(lambda: rc.load_balanced_view().map_sync(lambda x: x, [1, 2])))
tell('partial', failure(lambda: rc[0].apply_sync(__import__('functools').partial(pow, 2), 4)))
def kept(x): return x
rc[0].push({'kept': kept}, block=True)
tell('kept', rc[0].pull('kept', block=True)(7))
tell('circle', failure(lambda: rc[0].apply_sync(ipp.Reference('() => new (class Foo {})()'))))
tell('dill', failure(lambda: rc[0].apply_sync(ipp.serialize.use_dill)))
tell('after', view.apply_sync(ipp.Reference('add'), 1))
`)
    const refused = (what: string) => [
      'WrongLanguageError',
      `this is a JavaScript engine, and was sent ${what}: send it execute requests with JavaScript source, or use an engine of the right language`,
    ]
    expect(result).toMatchObject({
      called: [5, 5],
      expression: [12, 12],
      argument: [7, 7],
      balanced: [1, 2, 3, 4, 5, 6],
      mapped: [11, 22, 33],
      lambda: refused('the Python function __main__:<lambda>'),
      global: refused('the Python function math:sqrt'),
      map: refused('the Python function __main__:<lambda>'),
      partial: refused('a Python object that is no function'),
      kept: 7,
      circle: ['SerializationError', expect.stringContaining('class Foo')],
      dill: refused('the Python function ipyparallel.serialize.canning:use_dill'),
      after: [2, 2],
    })
  })
})
