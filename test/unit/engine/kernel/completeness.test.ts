import { expect, it } from 'vitest'
import { completenessOf } from '../../../../src/engine/kernel/completeness.ts'

it.each([
  ['1 + 1', 'complete', undefined],
  ['const x: number = 1', 'complete', undefined],
  ['await fetch(url)', 'complete', undefined],
  ['function f() {', 'incomplete', '  '],
  ['if (a) { while (b) {', 'incomplete', '    '],
  ['const x =', 'incomplete', ''],
  ['interface Wave {', 'incomplete', '  '],
  ['f(1,', 'incomplete', '  '],
  ['`one', 'incomplete', ''],
  ['/* one', 'incomplete', ''],
  ['1 +* 2', 'invalid', undefined],
  ['}', 'invalid', undefined],
  ['"one', 'invalid', undefined],
])('completenessOf(%j) is %s', (code, status, indent) => {
  expect(completenessOf(code)).toEqual(indent === undefined ? { status } : { status, indent })
})
