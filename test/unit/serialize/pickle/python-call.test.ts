import { describe, expect, it } from 'vitest'
import { NDArray } from '../../../../src/base/nd-array.ts'
import { SerializationError } from '../../../../src/errors.ts'
import { Operation, Reference } from '../../../../src/serialize/payload.ts'
import { attribute } from '../../../../src/serialize/pickle/makers.ts'
import { PythonGlobal, PythonInstance, PythonTuple } from '../../../../src/serialize/pickle/nodes.ts'
import {
  packPythonCall,
  packPythonValue,
  splitPythonValues,
  unpackPythonCall,
  unpackPythonValue,
} from '../../../../src/serialize/pickle/python-call.ts'
import { python } from '../../../../src/serialize/pickle/python-function.ts'
import { PythonObject } from '../../../../src/serialize/pickle/python-object.ts'
import { unpickle } from '../../../../src/serialize/pickle/unpickle.ts'
import { cannedFunctions, pickleRequests, pickleResults } from '../../../support/wire-samples.ts'

/** What is in a PythonObject, to be compared with. */
const python_ = (repr: string) => expect.objectContaining({ repr })
const complex = (...numbers: number[]) =>
  new NDArray(Float64Array.from(numbers), numbers.length === 2 ? [] : [1], { dtype: 'complex128' })
const np = (expr: string): string => `__import__('numpy').${expr}`
const wholes = (...numbers: bigint[]) => BigInt64Array.from(numbers)
const upTo = (n: number) => BigInt64Array.from({ length: n }, (_, i) => BigInt(i))

/** What each sample means in JavaScript, by its expression; arrays of Python's int are 64-bit. */
const MEANINGS: readonly (readonly [expr: string, value: unknown])[] = [
  ['None', null],
  ['True', true],
  ["[1,'a']", [1, 'a']],
  ['(1,)', [1]],
  ['(1,2)', [1, 2]],
  ['set([1,2])', new Set([1, 2])],
  ['frozenset([1])', new Set([1])],
  ["{'b':1,'a':2}", { a: 2, b: 1 }],
  ['{}', {}],
  ['[]', []],
  ['()', []],
  ['1.5', 1.5],
  ["float('nan')", Number.NaN],
  ["float('inf')", Number.POSITIVE_INFINITY],
  ['2**70', 2n ** 70n],
  ['-1', -1],
  ['-2**70', -(2n ** 70n)],
  ["'é\\U0001F600'", 'é\u{1f600}'],
  ["'\\ud800'", '\ud800'],
  ["b'ab'", Buffer.from('ab')],
  ["bytearray(b'ab')", Buffer.from('ab')],
  ['range(3)', [0, 1, 2]],
  [
    "__import__('datetime').datetime(2020,1,2,tzinfo=__import__('datetime').timezone.utc)",
    new Date('2020-01-02'),
  ],
  ["__import__('datetime').datetime(2020,1,2,3,4,5,6)", new Date(2020, 0, 2, 3, 4, 5)],
  ["__import__('datetime').date(2020,1,2)", new Date('2020-01-02')],
  ["__import__('collections').OrderedDict(a=1)", { a: 1 }],
  ["__import__('collections').Counter('aab')", { a: 2, b: 1 }],
  ["__import__('collections').defaultdict(int,{'a':1})", { a: 1 }],
  ["__import__('collections').deque([1,2])", [1, 2]],
  [np('arange(3)'), upTo(3)],
  [np("arange(3,dtype='i4').reshape(3,1)"), new NDArray(Int32Array.of(0, 1, 2), [3, 1])],
  [np('array(5.0)'), new NDArray(Float64Array.of(5), [])],
  [np('zeros((0,))'), new Float64Array(0)],
  [np('zeros((0,2))'), new NDArray(new Float64Array(0), [0, 2])],
  [np('array([True,False])'), new NDArray(Uint8Array.of(1, 0), [2], { dtype: 'bool' })],
  [np("array(['ab','c'])"), ['ab', 'c']],
  [np("array([b'ab'])"), [Buffer.from('ab')]],
  [np("array([1,'a',None],dtype=object)"), [1, 'a', null]],
  [np("array([],dtype='O')"), []],
  [np('float64(2.5)'), 2.5],
  [np('int64(7)'), 7],
  [np('bool_(True)'), true],
  [`[${np('arange(2)')}, {'x': ${np('arange(2)')}}]`, [upTo(2), { x: upTo(2) }]],
  [`[[${np('arange(2)')}]]`, [[upTo(2)]]],
  [`{'k': [${np('arange(2)')}], 'j': ${np('arange(1)')}}`, { j: upTo(1), k: [upTo(2)] }],
  [np('arange(6).reshape(2,3).T'), new NDArray(wholes(0n, 3n, 1n, 4n, 2n, 5n), [3, 2])],
  [np("asfortranarray(__import__('numpy').arange(6).reshape(2,3))"), new NDArray(upTo(6), [2, 3])],
  [np("arange(3,dtype='>i2')"), Int16Array.of(0, 1, 2)],
  [`[${np('arange(2)')}]*70`, Array(70).fill(upTo(2))],
  ['list(range(70))', Array.from({ length: 70 }, (_, i) => i)],
  ["[b'x',b'y']", [Buffer.from('x'), Buffer.from('y')]],
  ["{'a': b'x'*1025, 'b': b'y'*1024}", { a: Buffer.alloc(1025, 'x'), b: Buffer.alloc(1024, 'y') }],
  [`(${np('arange(200)')},b'z'*2000)`, [upTo(200), Buffer.alloc(2000, 'z')]],
  ["set([b'a'])", new Set([Buffer.from('a')])],
  ["memoryview(b'xyz')", Buffer.from('xyz')],
  [`{'z': ${np('arange(200)')}, 'a': b'k'*1030}`, { z: upTo(200), a: Buffer.alloc(1030, 'k') }],
  ['[1]*3 + [[2]]', [1, 1, 1, [2]]],
  ["(lambda x: [x, x, {'k': x}])([1])", [[1], [1], { k: [1] }]],
  ["'x'*300", 'x'.repeat(300)],
  ['list(range(1000,1003))', [1000, 1001, 1002]],
  ['2**31', 2 ** 31],
  ['2**31-1', 2 ** 31 - 1],
  ['-2**31-1', -(2 ** 31) - 1],
  ['0.1', 0.1],
  ["b''", Buffer.alloc(0)],
  ['[[numpy.arange(2)]]', [[upTo(2)]]],
  ['[[fortran 2x2]]', [[expect.objectContaining({ dtype: 'int64', shape: [2, 2] })]]],
  ['numpy.float64(2.5)', 2.5],
  ["{'a': [1, 2.5]}", { a: [1, 2.5] }],
  ['3+4j', complex(3, 4)],
  [np('array([1+2j])'), new NDArray(Float64Array.of(1, 2), [1], { dtype: 'complex128' })],
  // What has no counterpart.
  ['slice(1,2)', python_('slice(1, 2, null)')],
  ['Ellipsis', python_('<Ellipsis>')],
  ['NotImplemented', python_('<NotImplemented>')],
  ["ValueError('boo')", python_("ValueError('boo')")],
  ['ZeroDivisionError', python_('<ZeroDivisionError>')],
  ['len', python_('<len>')],
  ["__import__('datetime').timedelta(1,2,3)", python_('datetime.timedelta(1, 2, 3)')],
  ["__import__('decimal').Decimal('1.50')", python_("decimal.Decimal('1.50')")],
  ["__import__('fractions').Fraction(1,3)", python_('fractions.Fraction(1, 3)')],
  ["__import__('uuid').UUID(int=5)", python_('uuid.UUID(int=5)')],
  ["__import__('pathlib').PurePosixPath('a/b')", python_("pathlib.PurePosixPath('a', 'b')")],
]

describe('unpackPythonValue', () => {
  const meanings = new Map(MEANINGS.map(([expr, value]) => [expr.replaceAll(' ', ''), value]))

  it.each(pickleResults().map(sample => [sample.expr, sample.variant, sample.buffers] as const))(
    '[63] reads %s (%s)',
    (expr, _variant, buffers) => {
      const value = unpackPythonValue(buffers)
      const key = expr.replaceAll(' ', '')
      if (meanings.has(key)) expect(value).toEqual(meanings.get(key))
      // Structured and masked arrays, types and partial functions: kept as they are.
      else expect(value).toBeInstanceOf(PythonObject)
    },
  )

  it('[63] has a meaning for all but a few of the samples', () => {
    const opaque = pickleResults().filter(({ expr }) => !meanings.has(expr.replaceAll(' ', '')))
    expect(new Set(opaque.map(({ expr }) => expr))).toEqual(
      new Set([
        "__import__('functools').partial(pow,2)",
        np("array([(1,2.)],dtype=[('a','<i4'),('b','<f8')])"),
        np("dtype('f4')"),
        np('ma.masked_array([1,2],[0,1])'),
      ]),
    )
  })

  it('[65] keeps what it does not know as it is, and runs nothing of it', () => {
    // os.system("exit 1"), and a class whose state sets attributes.
    const system = Buffer.from('80048c026f738c0673797374656d938c0665786974203185522e', 'hex')
    const value = unpackPythonValue([system]) as PythonObject
    expect(value).toBeInstanceOf(PythonObject)
    expect(String(value)).toBe("os.system('exit 1')")
    expect([value.module, value.name, value.args, value.state]).toEqual([
      'os',
      'system',
      ['exit 1'],
      undefined,
    ])
  })

  it('never sets a prototype', () => {
    // {'__proto__': {'polluted': 1}}
    const pickle = Buffer.from('80047d8c095f5f70726f746f5f5f7d8c08706f6c6c757465644b0173732e', 'hex')
    const value = unpackPythonValue([pickle]) as object
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('keeps what is shared shared, and cycles', () => {
    const list: unknown[] = [1]
    const shared = { list, again: list, self: undefined as unknown, map: new Map([['k', list]]) }
    shared.self = shared
    const back = unpackPythonValue(packPythonValue(shared)) as typeof shared
    expect(back.again).toBe(back.list)
    expect(back.self).toBe(back)
    expect(back.map).toEqual({ k: [1] })
  })
})

describe('packPythonCall', () => {
  const samples = new Map(pickleRequests().map(sample => [sample.name, sample.request]))
  const grid = new NDArray(Float64Array.of(0, 1, 2, 3, 4, 5), [2, 3])
  const tuple = new PythonTuple([1, 2])

  it.each([
    ['call-by-name', () => packPythonCall(python('math:pow'), [2, 10])],
    ['call-kwargs', () => packPythonCall(python('builtins:dict').with({ b: 'two', a: 1 }), [])],
    ['call-dotted-module', () => packPythonCall(python('os.path:join'), ['x', 'y'])],
    [
      'push-plain',
      () =>
        packPythonCall(new Operation('push'), [
          {
            a: 5,
            b: { k: [1, 2.5, null, true, -3, 70_000, 2 ** 40, 'é'] },
            c: tuple,
          },
        ]),
    ],
    ['pull-one', () => packPythonCall(new Operation('pull'), ['b'])],
    ['pull-many', () => packPythonCall(new Operation('pull'), [['a', 'b', 'c']])],
    ['pull-expression', () => packPythonCall(new Operation('pull'), ['a*2'])],
    ['push-bytes-plain', () => packPythonCall(new Operation('push'), [{ by3: Buffer.from('abcd') }])],
    ['reference-function', () => packPythonCall(new Reference('lambda v: v*a'), [4])],
    ['reference-argument', () => packPythonCall(python('builtins:sum'), [new Reference('y')])],
    ['eval', () => packPythonCall(python('builtins:eval'), ['a+1'])],
    ['call-defined', () => packPythonCall(new Reference('ff'), [4])],
    ['scatter-part', () => packPythonCall(new Operation('push'), [{ z: [0, 1, 2] }])],
    ['gather-part', () => packPythonCall(new Operation('pull'), ['z'])],
    ['set-argument', () => packPythonCall(python('builtins:sorted'), [new Set([3, 1])])],
    ['error-missing-module', () => packPythonCall(python('nosuchmod:f'), [])],
  ])('[62] writes %s byte for byte', (name, pack) => {
    expect(pack().map(frame => frame.toString('hex'))).toEqual(
      samples.get(name)!.map(frame => frame.toString('hex')),
    )
  })

  it('[62] writes arrays that read as those of the sample', () => {
    const written = packPythonCall(new Operation('push'), [{ y: grid }])
    const read = unpackPythonCall(written, {})
    expect(read.value(read.keywords.get('y')!)).toEqual(grid)
    const sample = unpackPythonCall(samples.get('push-array-oob')!, {})
    expect(sample.value(sample.keywords.get('x')!)).toMatchObject({ dtype: 'float64', shape: [2, 3] })
  })

  it('[64] sends data beside the pickle from 1025 bytes on, where Python looks for them', () => {
    const bytes = (n: number) => Uint8Array.from({ length: n }, (_, i) => i)
    expect(packPythonValue(bytes(1024))).toHaveLength(1)
    const data = bytes(1025)
    const [, frame] = packPythonValue(data)
    expect(frame!.buffer).toBe(data.buffer)
    expect(packPythonValue([data, { x: data }, Buffer.from(data)])).toHaveLength(3)
    expect(packPythonValue({ b: data, a: data })).toHaveLength(3)
    expect(packPythonValue([[data]])).toHaveLength(1)
    expect(packPythonValue(Array(64).fill(data))).toHaveLength(1)
    for (const value of [data, [data], { b: data, a: bytes(2000) }, [[data]], Array(64).fill(data)])
      expect(unpackPythonValue(packPythonValue(value))).toEqual(value)
  })

  it('[64] sends the data of a dict in the order of its keys, as Python sorts them', () => {
    // U+1F600 comes after U+FF5E in Python and before it in JavaScript.
    const [first, second] = [Buffer.alloc(2000, 1), Buffer.alloc(2000, 2)]
    const [, ...frames] = packPythonValue({ '\u{1f600}': second, '\uff5e': first })
    expect(frames.map(frame => frame[0])).toEqual([1, 2])
  })

  it('shares nothing between arguments, which are pickles of their own', () => {
    const list = [1]
    const frames = packPythonCall(python('builtins:print'), [[list, list], list, [list, list]])
    const { args, value } = unpackPythonCall(frames, {})
    expect(args.map(value)).toEqual([[[1], [1]], [1], [[1], [1]]])
  })

  it('refuses what is nested deeper than the stack', () => {
    let deep: unknown[] = []
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(() => packPythonValue(deep)).toThrow(/nested too deeply/)
  })

  it('counts all frames of the positional arguments', () => {
    const frames = packPythonCall(python('builtins:len'), [new Float64Array(500), 1])
    const info = unpackPythonValue([frames[1]!])
    expect(info).toEqual({ nargs: 2, narg_bufs: 3, kw_keys: [] })
  })

  it.each<[string, unknown, RegExp]>([
    ['a JavaScript function', () => 1, /arguments\[0\] → x cannot travel: it is a JavaScript function/],
    ['an instance', new (class Foo {})(), /a JavaScript object of class Foo/],
    ['a symbol', Symbol('s'), /no symbols/],
    ['an invalid date', new Date(Number.NaN), /no valid date/],
    ['an array as a key', new Map([[new Float64Array(1), 1]]), /as a key/],
    [
      'keys of several kinds',
      new Map<unknown, number>([
        [1, 1],
        ['a', 2],
      ]),
      /sorts the keys/,
    ],
    ['a name too deep', [[new Reference('a')]], /one level below/],
  ])('refuses %s, with the path to it', (_, x, message) => {
    const pack = () => packPythonCall(python('builtins:len'), [_ === 'keys of several kinds' ? x : { x }])
    expect(pack).toThrow(SerializationError)
    expect(pack).toThrow(message)
  })

  it('refuses to call a JavaScript function, and says what to do', () => {
    expect(() => packPythonCall(function simulate() {}, [])).toThrow(
      /simulate is a JavaScript function.*python\.source/,
    )
  })
})

describe('unpackPythonCall', () => {
  it.each(cannedFunctions())('[66] knows %s by module and name', (title, pickle) => {
    const info = pickleRequests()[0]!.request[1]!
    const { callee } = unpackPythonCall([pickle, info, pickle, pickle], {})
    expect(callee).toBeInstanceOf(PythonInstance)
    const name = `${attribute(callee as PythonInstance, 'module')}:${attribute(callee as PythonInstance, '__name__')}`
    expect(name).toBe(title)
  })

  it('looks References up only where it is told how', () => {
    const call = packPythonCall(new Reference('f'), [new Reference('x')])
    const known = unpackPythonCall(call, { lookup: name => `the engine's ${name}` })
    expect(known.value(known.args[0]!)).toBe("the engine's x")
    const client = unpackPythonCall(call, {})
    expect(client.value(client.args[0]!)).toEqual(new Reference('x'))
  })

  it('reads a global as a name, and nothing more', () => {
    const { callee } = unpackPythonCall(packPythonCall(python('os:system'), ['exit 1']), {})
    expect(callee).toEqual(new PythonGlobal('os', 'system'))
  })
})

describe('splitPythonValues', () => {
  it('cuts a coalesced reply into the values of its engines', () => {
    const values = [1, new Float64Array(500), null, [Buffer.alloc(2000), 'x']]
    const parts = splitPythonValues(values.flatMap(value => packPythonValue(value)))
    expect(parts.map(unpackPythonValue)).toEqual(values)
  })
})

describe('unpickle', () => {
  // [1, -1, 2.5, 'a\n', True, None, (1, 2)], as Python 3.11 writes it.
  it.each([
    [
      0,
      '286c70300a49310a61492d310a6146322e350a6156615c75303030610a70310a614930310a614e612849310a49320a7470320a612e',
    ],
    [1, '5d7100284b014affffffff4740040000000000005802000000610a71014930310a4e284b014b02747102652e'],
    [2, '80025d7100284b014affffffff4740040000000000005802000000610a7101884e4b014b02867102652e'],
    [3, '80035d7100284b014affffffff4740040000000000005802000000610a7101884e4b014b02867102652e'],
    [4, '80049522000000000000005d94284b014affffffff4740040000000000008c02610a94884e4b014b028694652e'],
    [5, '80059522000000000000005d94284b014affffffff4740040000000000008c02610a94884e4b014b028694652e'],
  ])('reads protocol %i', (_, hex) => {
    expect(unpackPythonValue([Buffer.from(hex, 'hex')])).toEqual([1, -1, 2.5, 'a\n', true, null, [1, 2]])
  })

  it('takes buffers that stand outside of the pickle', () => {
    // protocol 5: NEXT_BUFFER READONLY_BUFFER
    expect(unpickle(Buffer.from('800597982e', 'hex'), [Buffer.from('abc')])).toEqual(Buffer.from('abc'))
  })
})
