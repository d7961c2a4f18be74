import { describe, expect, it } from 'vitest'
import { rewriteCell } from '../../../src/engine/rewrite-cell.ts'

function check(source: string, code: string): void {
  expect(rewriteCell(source, 'META').code).toBe(code)
}

describe('rewriteCell', () => {
  it('turns declarations into assignments', () => {
    check('const a = 1', 'void ( a = 1);')
    check('let a = 1, b;', 'void ( a = 1, b = void 0);;')
    check('const { a, b: [c = 2] } = o', 'void ( { a, b: [c = 2] } = o);')
    check('class C {}', 'void (C = class C {});')
    check('var v = 1', 'void ( v = 1);')
  })

  it('leaves a variable alone that is declared again with var and no value', () => {
    check('var v', '     ')
    check('for (var i in o) {}', 'for ( i in o) {}')
    check('for (var i = 0, n = 3; i < n; i++) {}', 'for ( i = 0, n = 3; i < n; i++) {}')
  })

  it('leaves blocks their own names', () => {
    check('{ let x = 1 }', '{ let x = 1 }')
    check('for (let i = 0; i < 3; i++) {}', 'for (let i = 0; i < 3; i++) {}')
    check('(() => { const y = 1; var z = 2 })', '(() => { const y = 1; var z = 2 })')
  })

  it('lists the names that a cell makes, also those in patterns and blocks', () => {
    const { names } = rewriteCell('const { a, ...b } = o; if (a) { var [c, d = 1] = a }; class E {}', 'META')
    expect(names.toSorted()).toEqual(['E', 'a', 'b', 'c', 'd'])
  })

  it('takes functions out, with their places', () => {
    const cell = rewriteCell('f()\n  async function f() { return import.meta.url }', 'META')
    expect(cell.functions).toEqual([
      { name: 'f', source: 'f = async function f() { return META.url }', lineOffset: 1, columnOffset: -2 },
    ])
    expect(cell.code.split('\n')).toHaveLength(2)
    expect(cell.code.trim()).toBe('f()')
  })

  it('takes imports out, of every form', () => {
    const source = [
      "import d, { a as b, 'x-y' as c } from './m.js'",
      "import * as ns from 'n'",
      "import 'side'",
      "import j from './d.json' with { type: 'json' }",
      'b',
    ].join('\n')
    const cell = rewriteCell(source, 'META')
    expect(cell.imports).toEqual([
      {
        specifier: './m.js',
        attributes: {},
        bindings: [
          ['d', 'default'],
          ['b', 'a'],
          ['c', 'x-y'],
        ],
      },
      { specifier: 'n', attributes: {}, bindings: [['ns', '*']] },
      { specifier: 'side', attributes: {}, bindings: [] },
      { specifier: './d.json', attributes: { type: 'json' }, bindings: [['j', 'default']] },
    ])
    expect(cell.code).toMatch(/^\s+\n\s+\n\s+\n\s+\nb$/)
  })

  it('drops export, so that the file of a module runs', () => {
    check('export const x = 1', '       void ( x = 1);')
    check('export { x }', '            ')
    check('export default 5', '               (5);')
    expect(rewriteCell('export default function f() {}', 'META').functions[0]?.name).toBe('f')
  })

  it('tells a cell that awaits at top level from one whose functions do', () => {
    expect(rewriteCell('await x', 'META')).toMatchObject({ isAsync: true, code: 'return (await x)' })
    expect(rewriteCell('for await (const x of y) {}', 'META').isAsync).toBe(true)
    expect(rewriteCell('const f = async () => await x', 'META').isAsync).toBe(false)
    expect(rewriteCell('await x; (1, 2)', 'META').code).toBe('await x; return ((1, 2))')
  })

  it('keeps the number of every line', () => {
    const source = 'const a = [\n1,\n2\n]\nlet b\nfunction f() {\n}\nimport x from\n"y"\nclass C {\n}\nnull'
    expect(rewriteCell(source, 'META').code.split('\n')).toHaveLength(source.split('\n').length)
  })

  it('refuses to give constants another meaning', () => {
    expect(() => rewriteCell('\n  const undefined = 1', 'META')).toThrow(
      /undefined cannot be declared.*\(2:8\)/,
    )
    expect(() => rewriteCell('function NaN() {}', 'META')).toThrow(/choose another name/)
    expect(() => rewriteCell('{ const undefined = 1 }', 'META')).not.toThrow()
  })
})
