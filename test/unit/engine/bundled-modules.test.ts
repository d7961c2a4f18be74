import { expect, it } from 'vitest'
import { BundledModules } from '../../../src/engine/bundled-modules.ts'
import { RemoteProtocolError } from '../../../src/errors.ts'

const ADDRESS = 'file:///nowhere/a.cjs?itsparallel=0123456789abcdef'

function bundles(): BundledModules {
  return new BundledModules(address => Promise.resolve(address))
}

it('BundledModules.add refuses what is no bundle of that address', () => {
  const module = { address: ADDRESS, format: 'commonjs', source: '', imports: {}, names: [] }
  for (const wrong of [
    '',
    '{}',
    '[1]',
    '[]',
    JSON.stringify([{ ...module, address: 'file:///nowhere/b.cjs?itsparallel=0123456789abcdef' }]),
    JSON.stringify([{ ...module, address: 'node:fs' }]),
    JSON.stringify([{ ...module, format: 'wasm' }]),
    JSON.stringify([{ ...module, imports: { './b': 1 } }]),
    JSON.stringify([{ ...module, names: [1] }]),
  ])
    expect(() => bundles().add(ADDRESS, Buffer.from(wrong)), wrong).toThrow(RemoteProtocolError)
})

it('BundledModules.require says what did not come', () => {
  expect(() => bundles().require(ADDRESS)).toThrow('file:///nowhere/a.cjs did not come with the call')
})

it('BundledModules.import leaves what it does not know to the engine, by the address of its file', async () => {
  expect(await bundles().import(ADDRESS)).toBe('file:///nowhere/a.cjs')
  expect(await bundles().import('node:fs')).toBe('node:fs')
})
