import { describe, expect, it } from 'vitest'
import { parseFunction } from '../../../src/serialize/function-text.ts'
import { layOut } from '../../../src/serialize/layout.ts'
import type { Layout } from '../../../src/serialize/source-place.ts'
import { TextEdits } from '../../../src/serialize/text-edits.ts'

function laidOut(text: string, layout: Layout): string {
  const edits = new TextEdits(text)
  layOut(edits, parseFunction(text), layout, [])
  return edits.toString()
}

describe('layOut', () => {
  it('spreads minified text over the lines where its author wrote it', () => {
    const text = 'function f(a){const b=a;throw new Error(b)}'
    const throwAt = text.indexOf('throw')
    const result = laidOut(text, (_line, column) => ({ line: column >= throwAt ? 4 : 1, column: 2 }))
    expect(result).toBe('function f(a){const b=a;\n\n\n  throw new Error(b)}')
  })

  it('joins lines that a compiler added', () => {
    const text = '() => {\n  a();\n  b();\n}'
    expect(laidOut(text, () => ({ line: 0, column: 0 }))).toBe('() => { a(); b(); }')
  })

  it('leaves templates and regular expressions as they are', () => {
    const text = ['() => { return `$', '{a}\n$', '{b}`; /;{/.test(c); }'].join('')
    expect(laidOut(text, () => undefined)).toBe(text)
  })
})
