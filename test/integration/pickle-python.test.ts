/** Pickles between us and a real Python: random values there and back, and what Python writes in every protocol. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DType, NDArray } from '../../src/base/nd-array.ts'
import { packPythonValue, unpackPythonValue } from '../../src/serialize/pickle/python-call.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

/** Reads a line of JSON, answers with one: values are returned as they came, or made at random and described. */
const PROGRAM = `
import json, pickle, random, struct, sys
from ipyparallel.serialize import deserialize_object, serialize_object

def form(value):
    if value is None or isinstance(value, (bool, str)): return value
    if isinstance(value, (int, float)):
        exact = isinstance(value, float) or abs(value) < 2**53
        return ['num', struct.pack('>d', value).hex()] if exact else ['big', str(value)]
    if isinstance(value, bytes): return ['bytes', value.hex()]
    if isinstance(value, (list, tuple)): return ['list', [form(item) for item in value]]
    if isinstance(value, dict): return ['dict', [[form(key), form(item)] for key, item in value.items()]]

def text(r):
    return ''.join(chr(r.choice([r.randrange(32, 127), r.randrange(0xa0, 0xd800), r.randrange(0x1f600, 0x1f640)])) for _ in range(r.choice([0, 1, 5, 300])))

def make(r, depth):
    kind = r.randrange(9 if depth > 0 else 6)
    if kind == 0: return r.choice([None, True, False])
    if kind == 1: return r.choice([r.randrange(-300, 300), r.randrange(-2**33, 2**33), r.randrange(-2**70, 2**70), r.randrange(-2**2100, 2**2100)])
    if kind == 2: return r.choice([r.uniform(-1e9, 1e9), r.random() * 10.0**r.randrange(-300, 300), float('inf'), -0.0])
    if kind in (3, 4): return text(r)
    if kind == 5: return bytes(r.randrange(256) for _ in range(r.choice([0, 3, 300])))
    size = r.choice([0, 1, 2, 3, 5])
    if kind == 6: return [make(r, depth - 1) for _ in range(size)]
    if kind == 7: return tuple(make(r, depth - 1) for _ in range(size))
    return {('k' + text(r)): make(r, depth - 1) for _ in range(size)}

for line in sys.stdin:
    request = json.loads(line)
    if 'frames' in request:
        value, rest = deserialize_object([bytes.fromhex(frame) for frame in request['frames']])
        assert not rest
        print(json.dumps([bytes(frame).hex() for frame in serialize_object(value)]), flush=True)
    else:
        r = random.Random(request['seed'])
        value = [make(r, 4) for _ in range(4)] + list(range(r.choice([0, 1001, 2500])))
        pickles = [pickle.dumps(value, protocol).hex() for protocol in range(6)]
        print(json.dumps({'form': form(value), 'pickles': pickles}), flush=True)
`

/** As Python's function of that name: what a value is, in words that JSON has. */
function form(value: unknown): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'bigint') return ['big', String(value)]
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    return ['num', bytes.toString('hex')]
  }
  if (Buffer.isBuffer(value)) return ['bytes', value.toString('hex')]
  if (Array.isArray(value)) return ['list', value.map(form)]
  return ['dict', Object.entries(value as object).map(([key, item]) => [key, form(item)])]
}

describeNeeds('pickles between us and Python', ['ipyparallel', 'numpy'], () => {
  let child: ChildProcessWithoutNullStreams
  let lines: Interface

  beforeAll(() => {
    child = spawn(DEBIAN_PYTHON, ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] })
    lines = createInterface(child.stdout)
  })

  afterAll(async () => {
    child.stdin.end()
    await once(child, 'close')
  })

  async function ask<Answer>(request: object): Promise<Answer> {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    const [line] = (await once(lines, 'line')) as [string]
    return JSON.parse(line) as Answer
  }

  async function thereAndBack(value: unknown): Promise<unknown> {
    const frames = packPythonValue(value).map(frame => Buffer.from(frame).toString('hex'))
    const answer = await ask<string[]>({ frames })
    return unpackPythonValue(answer.map(frame => Buffer.from(frame, 'hex')))
  }

  it('values come back as they went', { timeout: 60_000 }, async () => {
    const text = fc.string({ unit: 'binary' })
    const array = fc
      .tuple(
        fc.constantFrom<DType>(
          'int8',
          'uint8',
          'int16',
          'int32',
          'uint32',
          'int64',
          'float32',
          'float64',
          'bool',
          'complex128',
        ),
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
      )
      .map(([dtype, shape]) => {
        const zeros = NDArray.zeros(shape, dtype)
        for (let i = 0; i < zeros.data.length; i++)
          zeros.data[i] = (typeof zeros.data[0] === 'bigint' ? BigInt(i % 2) : i % 2) as never
        const isPlain = shape.length === 1 && dtype !== 'bool' && dtype !== 'complex128'
        return isPlain ? zeros.data : zeros
      })
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'value' },
        fc.constantFrom(null, true, false),
        fc.double(),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.bigInt().filter(big => !Number.isSafeInteger(Number(big))),
        text,
        fc.string({ unit: 'grapheme', minLength: 300, maxLength: 400 }),
        fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }),
        fc.uint8Array({ maxLength: 1100 }).map(bytes => Buffer.from(bytes)),
        array,
        fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'value' }),
        fc.dictionary(
          text.filter(key => key !== '__proto__' && !/^\d+$/.test(key)),
          tie('value'),
          {
            maxKeys: 5,
            depthIdentifier: 'value',
            noNullPrototype: true,
          },
        ),
        fc.uniqueArray(fc.integer(), { maxLength: 5 }).map(items => new Set(items)),
        fc
          .uniqueArray(fc.tuple(fc.integer(), text), { selector: ([key]) => key, minLength: 1, maxLength: 5 })
          .map(entries => new Map(entries)),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(value, async sent => {
        expect(await thereAndBack(sent)).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  it('what Python writes in each of its protocols means the same', { timeout: 60_000 }, async () => {
    for (let seed = 0; seed < 60; seed++) {
      const made = await ask<{ form: unknown; pickles: string[] }>({ seed })
      for (const [protocol, pickle] of made.pickles.entries())
        expect(
          form(unpackPythonValue([Buffer.from(pickle, 'hex')])),
          `seed ${seed}, protocol ${protocol}`,
        ).toEqual(made.form)
    }
  })
})
