import { EventEmitter } from 'node:events'
import os, { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Call,
  nodeRealm,
  packCall,
  packValue,
  unpackCall,
  unpackValue,
} from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

type Loose = (...args: never[]) => unknown

/** Sends a call to an engine in this process, and runs it there. */
async function run(fn: Loose, ...args: unknown[]): Promise<unknown> {
  const call: Call = await unpackCall(packCall(fn, args), engineRealm())
  return (call.callee as (...args: unknown[]) => unknown)(...call.args)
}

async function there<T>(value: T): Promise<T> {
  return (await unpackValue(packValue(value), engineRealm())) as T
}

let counter = 10
const table = { a: 1 }

function helper(x: number): number {
  return x + counter
}

class Base {
  static made = 0
  readonly tag: string
  constructor(tag: string) {
    this.tag = tag
  }
  describe(): string {
    return `${this.tag}/${helper(1)}`
  }
}

class Derived extends Base {
  #hidden = 4
  get hidden(): number {
    return this.#hidden
  }
  override describe(): string {
    return `derived ${super.describe()}`
  }
}

function makeCounter() {
  let n = 0
  return {
    increment: () => {
      n += 1
      return n
    },
    get: () => n,
  }
}

describe('a function that travels', () => {
  it('takes the values that its variables have at the moment of the call', async () => {
    counter = 10
    const first = packCall(() => helper(1), [])
    counter = 20
    const second = packCall(() => helper(1), [])
    const realm = engineRealm()
    expect(((await unpackCall(first, realm)).callee as () => number)()).toBe(11)
    expect(((await unpackCall(second, realm)).callee as () => number)()).toBe(21)
    counter = 10
  })

  it('takes objects by value', async () => {
    const frames = packCall(() => table.a++, [])
    const { callee } = await unpackCall(frames, engineRealm())
    expect([(callee as () => number)(), (callee as () => number)(), table.a]).toEqual([1, 2, 1])
  })

  it('imports again what it imported', async () => {
    expect(await run(() => os.tmpdir())).toBe(tmpdir())
    expect(await run(() => tmpdir())).toBe(tmpdir())
    expect(await run(() => path.join('a', 'b'))).toBe(path.join('a', 'b'))
    expect(await run(async () => (await import('node:path')).sep)).toBe(path.sep)
  })

  it('takes classes with what they extend, and what their methods refer to', async () => {
    expect(await run(() => new Derived('d').describe())).toBe('derived d/11')
    expect(await run(() => new Derived('d').hidden)).toBe(4)
    expect(await run((base: Base) => base.describe(), new Base('b'))).toBe('b/11')
    expect(await run((Class: typeof Derived) => new Class('c') instanceof Class, Derived)).toBe(true)
    class Bell extends EventEmitter {}
    expect(await run(() => new Bell().listenerCount('x'))).toBe(0)
  })

  it('keeps its kind', async () => {
    expect(await run(async () => 1)).toBe(1)
    expect([
      ...((await run(function* () {
        yield 1
        yield 2
      })) as Iterable<number>),
    ]).toEqual([1, 2])
    const all: unknown[] = []
    for await (const item of (await run(async function* () {
      yield 1
    })) as AsyncIterable<number>)
      all.push(item)
    expect(all).toEqual([1])
    const shape = {
      side: 3,
      area() {
        return helper(1)
      },
      get twice() {
        return counter * 2
      },
    }
    expect(await run(shape.area)).toBe(11)
    expect(await run(Object.getOwnPropertyDescriptor(shape, 'twice')!.get as Loose)).toBe(20)
    expect(await run(Math.max, 1, 2)).toBe(2)
    expect(await run(helper.bind(null, 5))).toBe(15)
  })

  it('may refer to itself and to functions that refer to it', async () => {
    const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
    const even = (n: number): boolean => n === 0 || odd(n - 1)
    const odd = (n: number): boolean => n !== 0 && even(n - 1)
    expect(await run(factorial, 5)).toBe(120)
    expect(await run(() => [even(4), odd(4)])).toEqual([true, false])
  })

  it('shares assigned variables with the functions that travel with it, and with no others', async () => {
    const [a, b] = await there([makeCounter(), makeCounter()] as const)
    a.increment()
    a.increment()
    b.increment()
    expect([a.get(), b.get()]).toEqual([2, 1])
    const original = makeCounter()
    const copy = await there(original)
    copy.increment()
    expect(original.get()).toBe(0)
  })

  it('sends its definition once, however many closures of it there are', async () => {
    const adders = Array.from({ length: 100 }, (_, i) => (x: number) => x + i + counter)
    const frames = packValue(adders)
    const text = Buffer.concat(frames).toString('latin1')
    expect(text.split('x + i + counter').length + text.split('x + i').length).toBeLessThan(6)
    const back = unpackValue(frames, engineRealm()) as typeof adders
    expect(back.map(add => add(0))).toEqual(adders.map(add => add(0)))
  })

  it('takes the superclass that its expression gave', async () => {
    const Mixin = (Parent: typeof Base) =>
      class extends Parent {
        override describe(): string {
          return `mixed ${super.describe()}`
        }
      }
    class Both extends Mixin(Derived) {}
    expect(await run(() => new Both('m').describe())).toBe('mixed derived m/11')
  })

  it('finds console, process and node modules where it runs', async () => {
    const { log } = console
    const [own, there2] = [process, os]
    expect(await run(() => [typeof log, own.pid === process.pid, typeof there2.cpus])).toEqual([
      'function',
      true,
      'function',
    ])
  })

  it('travels on from an engine, with its variables as they are there', async () => {
    const once = await there(makeCounter())
    once.increment()
    const twice = await there(once)
    twice.increment()
    expect([once.get(), twice.get()]).toEqual([1, 2])
  })

  it('looks up what is neither captured nor imported where it runs', async () => {
    const fn = new Function('return itsparallelElsewhere + 1') as Loose
    Reflect.set(globalThis, 'itsparallelElsewhere', 41)
    expect(await run(fn)).toBe(42)
    Reflect.deleteProperty(globalThis, 'itsparallelElsewhere')
    await expect(run(fn)).rejects.toThrow('itsparallelElsewhere is not defined')
  })

  it('shows the line of its own file when it throws', async () => {
    const line = Number(/:(\d+):\d+\)?$/m.exec(new Error('here').stack!)![1])
    const evaluated: { filename: string; lineOffset: number }[] = []
    const realm = {
      ...engineRealm(),
      evaluate: (
        source: string,
        position?: { filename: string; lineOffset: number; columnOffset: number },
      ) => {
        if (position !== undefined) evaluated.push(position)
        return nodeRealm.evaluate(source, position)
      },
    }
    await unpackCall(
      packCall(() => {
        throw new Error('there')
      }, []),
      realm,
    )
    expect(evaluated[0]!.filename).toMatch(/functions\.test\.ts$/)
    expect(evaluated[0]!.lineOffset + 2).toBeGreaterThan(line)
    expect(evaluated[0]!.lineOffset + 2).toBeLessThan(line + 20)
  })
})

describe('a function that comes back to its own process', () => {
  it('is the one that was sent', () => {
    class Result {
      ok = true
    }
    const back = unpackValue(packValue([new Result(), helper]), nodeRealm) as [Result, unknown]
    expect(back[0]).toBeInstanceOf(Result)
  })
})
