import { expect, it } from 'vitest'
import { nearest } from '../../../src/config/nearest.ts'

const NAMES = ['engines', 'controller', 'timeout', 'engineArgs', 'n']

it.each([
  ['engnes', ['engines']],
  ['enginse', ['engines']],
  ['Engines', ['engines']],
  ['engine_args', ['engineArgs']],
  ['timout', ['timeout']],
  ['colour', []],
])('nearest(%j) is %j', (name, expected) => {
  expect(nearest(name, NAMES)).toEqual(expected)
})
