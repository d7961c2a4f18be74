import { describe, expect, it } from 'vitest'
import { freeNames } from '../../../src/serialize/free-names.ts'
import { parseFunction } from '../../../src/serialize/function-text.ts'

function namesOf(text: string): string[] {
  const { node, form } = parseFunction(text)
  return freeNames(node, form === 'method')
    .names.map(each => each.name)
    .sort()
}

describe('freeNames', () => {
  it.each<[string, string[]]>([
    ['x => x + y', ['y']],
    ['(x, { a, b: [c = d] }, ...rest) => x + a + c + rest', ['d']],
    ['function f(n) { return n < 2 ? 1 : n * f(n - 1) }', []],
    ['() => { var a = 1; { let b = a; function c() { return b + a } } return c() }', ['c']],
    ['() => { if (x) { var y = 1 } return y }', ['x']],
    ['() => { try { a() } catch (error) { b(error) } }', ['a', 'b']],
    ['() => { for (const i of list) use(i); return i }', ['i', 'list', 'use']],
    ['() => { label: for (;;) break label }', []],
    [
      '() => ({ key: value, short, [computed]: 1, method() { return inner } })',
      ['computed', 'inner', 'short', 'value'],
    ],
    ['() => a.b.c[d]', ['a', 'd']],
    ['() => { ({ a, b: c.d } = e) }', ['a', 'c', 'e']],
    ['class A extends B { static c = d; [e]() { return A } #f = g }', ['d', 'e', 'g']],
    ['method(a) { return a + b }', ['b']],
    ['async *method() { yield* a }', ['a']],
    ['get [key]() { return a }', ['a']],
    ['() => tag`text`', ['tag']],
    ['function () { return arguments[0] + new.target }', []],
    ['() => typeof a', ['a']],
    ['() => { a++; --b }', ['a', 'b']],
    ['() => import(a)', ['a']],
    ['(a = b) => a', ['b']],
    ['async () => { for await (const x of y) await z(x) }', ['y', 'z']],
    ['() => { switch (a) { case b: let c = 1; return c } }', ['a', 'b']],
    ['() => { class C { m() { return C } } return C }', []],
  ])('of %s', (text, names) => {
    expect(namesOf(text)).toEqual(names)
  })

  it('tells what an arrow function takes from the function around it', () => {
    const outerOf = (text: string): string[] => [...freeNames(parseFunction(text).node).outer]
    expect(outerOf('() => this.x')).toEqual(['this'])
    expect(outerOf('() => arguments')).toEqual(['arguments'])
    expect(outerOf('() => function () { return this }')).toEqual([])
    expect(outerOf('class { x = () => this.y }')).toEqual([])
    expect(outerOf('function () { return () => this }')).toEqual([])
  })
})
