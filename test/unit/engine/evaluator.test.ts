import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Evaluator } from '../../../src/engine/evaluator.ts'
import { Namespace } from '../../../src/engine/namespace.ts'

const namespace = new Namespace()
const evaluator = new Evaluator(namespace)
let cell = 0

/** Runs a cell and gives its value. */
async function run(source: string): Promise<unknown> {
  cell += 1
  return await evaluator.execute(source, `<execute ${cell}>`)
}

/** Runs a cell that fails, and gives its error with the stack that a user sees. */
async function failure(source: string): Promise<Error & { stack: string }> {
  try {
    await run(source)
  } catch (error) {
    const failed = error as Error & { stack: string }
    failed.stack = evaluator.cleanStack(failed.stack)
    return failed
  }
  throw new Error('it did not fail')
}

/** The first lines of a stack: below them is the test itself. */
function top(error: Error & { stack: string }, lines: number): string {
  return error.stack.split('\n').slice(0, lines).join('\n')
}

let folder: string
const before = process.cwd()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'itsparallel-evaluator-'))
  await writeFile(
    join(folder, 'm.mjs'),
    'export default 1; export const two = 2; globalThis.sideEffect = "done"',
  )
  await writeFile(join(folder, 'c.cjs'), 'module.exports.three = 3')
  await writeFile(join(folder, 'd.json'), '{"answer": 42}')
  process.chdir(folder)
})

afterAll(async () => {
  process.chdir(before)
  await rm(folder, { recursive: true })
})

afterEach(() => namespace.clear())

describe('Evaluator', () => {
  it('gives the completion value', async () => {
    expect(await run('1 + 1')).toBe(2)
    expect(await run('const a = 5; a * 2')).toBe(10)
    expect(await run('let b = 1')).toBeUndefined()
    expect(await run('await Promise.resolve(3)')).toBe(3)
    expect(await run('const c = await 4; (c, c + 1);')).toBe(5)
  })

  it('keeps names, and lets them be declared again in any way', async () => {
    for (const source of [
      'const x = 1',
      'let x = 2',
      'const x = 3',
      'var x = 4',
      'class x {}',
      'function x() {}',
    ]) {
      await run(source)
      expect(namespace.names()).toEqual(['x'])
    }
    await run('let x = 7')
    expect(await run('x')).toBe(7)
    await run('let x')
    expect(await run('x')).toBeUndefined()
  })

  it('shows names to functions made later, in any way', async () => {
    await run('const k = 6; let fn = () => k * 7')
    expect((evaluator.evaluate('() => k + 1') as () => unknown)()).toBe(7)
    expect(await run('fn()')).toBe(42)
    await run('k = 1')
    expect(await run('fn()')).toBe(7)
  })

  it('names functions and classes after their variables', async () => {
    expect(await run('const square = x => x * x; square.name')).toBe('square')
    expect(await run('const K = class {}; K.name')).toBe('K')
  })

  it('lets a cell call its functions before it declares them', async () => {
    expect(await run('const r = twice(4); function twice(x) { return 2 * x }; r')).toBe(8)
    expect(await run('const s = await later(); async function later() { return twice(1) }; s')).toBe(2)
  })

  it('binds imports of every form, relative to the working directory', async () => {
    expect(await run("import one, { two as zwei } from './m.mjs'; [one, zwei]")).toEqual([1, 2])
    expect(await run('one + zwei')).toBe(3)
    expect(await run("import * as all from './m.mjs'\nObject.keys(all)")).toEqual(['default', 'two'])
    expect(await run("import c, { three } from './c.cjs'; [c.three, three]")).toEqual([3, 3])
    expect(await run("import data from './d.json' with { type: 'json' }; data.answer")).toBe(42)
    expect(await run("import again from './d.json'; again.answer")).toBe(42)
    expect(await run("import { join } from 'node:path'; join('a', 'b')")).toBe(join('a', 'b'))
    expect(await run("import './m.mjs'; sideEffect")).toBe('done')
    expect(await run("(await import('./m.mjs')).two")).toBe(2)
    expect(await run("require('./c.cjs').three")).toBe(3)
    expect(await run('[__dirname, import.meta.dirname]')).toEqual([process.cwd(), process.cwd()])
  })

  it('binds no import when one fails', async () => {
    const error = await failure("import one from './m.mjs'; import { four } from './m.mjs'")
    expect(error.message).toBe("The requested module './m.mjs' does not provide an export named 'four'")
    expect(namespace.names()).not.toContain('one')
    expect((await failure("import x from './nowhere.mjs'")).message).toMatch(/nowhere\.mjs/)
  })

  it('runs TypeScript', async () => {
    expect(await run('interface P { x: number }\nconst p: P = { x: 1 }; p.x as number')).toBe(1)
    expect(await run('enum E { A = 5, B }\nE.B')).toBe(6)
    expect(
      await run("import type { T } from './none.ts'; const f = <T,>(x: T): T => x; await f<number>(3)"),
    ).toBe(3)
  })

  it('gives stacks with the lines of the user', async () => {
    const plain = await failure('const a = 1\nfunction f() {\n  throw new Error("x")\n}\nf()')
    expect(top(plain, 3)).toBe(`Error: x\n    at f (<execute ${cell}>:3:9)\n    at <execute ${cell}>:5:1`)
    const waiting = await failure('await null\n\nthrow new TypeError("y")')
    expect(top(waiting, 2)).toBe(`TypeError: y\n    at <execute ${cell}>:3:7`)
    const first = await failure('await null; undefined.x')
    expect(top(first, 2)).toMatch(new RegExp(`\\n {4}at <execute ${cell}>:1:\\d+$`))
  })

  it('gives stacks of TypeScript with the lines of the user', async () => {
    const error = await failure(
      'interface A {\n  x: 1\n}\n\nfunction f(x: number): never {\n  throw new Error("t")\n}\nf(1)',
    )
    expect(top(error, 3)).toBe(`Error: t\n    at f (<execute ${cell}>:6:9)\n    at <execute ${cell}>:8:1`)
  })

  it('tells where a syntax error is', async () => {
    const error = await failure('const a = 1\nconst b = )')
    expect(error).toBeInstanceOf(SyntaxError)
    expect(error.message).toMatch(/^Unexpected token \(2:10\)$/)
    expect(error.stack).toContain(
      `<execute ${cell}>:2\nconst b = )\n          ^\n\nSyntaxError: Unexpected token`,
    )
    expect(namespace.names()).toEqual([])
    expect((await failure('foo bar')).name).toBe('SyntaxError')
    expect((await failure('return 5')).name).toBe('SyntaxError')
  })

  it('gives a cell names that Node and the language have taken, and nobody else', async () => {
    const own = globalThis.setTimeout
    expect(await run("import { setTimeout } from 'node:timers/promises'; await setTimeout(1, 'slept')")).toBe(
      'slept',
    )
    expect(await run("await setTimeout(1, 'again')")).toBe('again')
    expect(globalThis.setTimeout).toBe(own)
    expect(
      await run('const process = 1, Map = 2; let { Buffer } = { Buffer: 3 }; [process, Map, Buffer]'),
    ).toEqual([1, 2, 3])
    expect(await run('function Promise() { return 4 }\nclass Error {}\nPromise()')).toBe(4)
    expect(new Map().size).toBe(0)
    expect(await run('process + Map')).toBe(3)
    expect((evaluator.evaluate('(x => Map + x)') as (x: number) => number)(1)).toBe(3)
    expect(namespace.lookup('Map')).toBe(2)
    expect(namespace.names()).toContain('Map')
    namespace.clear()
    expect(await run('new Map().size')).toBe(0)
    expect(await run('typeof setTimeout + typeof process + typeof Buffer.from')).toBe(
      'functionobjectfunction',
    )
  })

  it('leaves a taken name as it was when the cell that redefines it fails', async () => {
    await failure('throw new Error("x"); const process = 1')
    await failure('await null; throw new Error("x"); const process = 1')
    expect(await run('typeof process.pid')).toBe('number')
  })

  it('needs no shadow for what is there anyway', async () => {
    await run("import process from 'node:process'; import { Buffer } from 'node:buffer'")
    expect(namespace.names()).toEqual([])
  })

  it('runs strict code', async () => {
    expect(await run("'use strict'; const strict = 1; (function () { return this })()")).toBeUndefined()
    expect(await run('strict')).toBe(1)
    expect(await failure("'use strict'; undeclared = 1")).toBeInstanceOf(ReferenceError)
  })

  it('evaluates functions at the place that they came from', () => {
    const fn = evaluator.evaluate('(() => { throw new Error("here") })', {
      filename: 'file:///home/user/study.ts',
      lineOffset: 9,
      columnOffset: 4,
    }) as () => void
    expect(fn).toThrow('here')
    try {
      fn()
    } catch (error) {
      expect((error as Error).stack).toMatch(/at file:\/\/\/home\/user\/study\.ts:10:20/)
    }
  })
})
