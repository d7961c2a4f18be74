import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bundleOf, parseBundle, withoutVersions } from '../../../src/serialize/user-modules.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modules-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes a file, and gives its address. */
function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return pathToFileURL(join(folder, name)).href
}

/** Lets the next look at a file be a fresh one. */
const later = (): Promise<void> => Promise.resolve()

it('bundleOf gives the same address and bytes as long as nothing changes', async () => {
  const main = file('main.mjs', "import './part.mjs'")
  file('part.mjs', 'export default 1')
  const first = bundleOf(main)!
  await later()
  file('part.mjs', 'export default 1')
  expect(bundleOf(main)).toBe(first)
  expect(parseBundle(first.bytes)!.map(({ address }) => withoutVersions(address))).toEqual([
    main,
    pathToFileURL(join(folder, 'part.mjs')).href,
  ])
})

it('bundleOf gives another address to what was edited and to what imports it, and to nothing else', async () => {
  const main = file('main.mjs', "import './part.mjs'\nimport './other.mjs'")
  const part = file('part.mjs', 'export default 1')
  const other = file('other.mjs', 'export default 1')
  const before = [main, part, other].map(each => bundleOf(each)!.address)
  await later()
  file('part.mjs', 'export default 22')
  // The importer first: that it was looked at must not make the part's old bundle look new.
  const after = [main, part, other].map(each => bundleOf(each)!.address)
  expect(after.map((address, i) => address === before[i])).toEqual([false, false, true])
})

it('bundleOf gives modules in a circle one version each, whichever is asked for', () => {
  const a = file('a.mjs', "import './b.mjs'")
  const b = file('b.mjs', "import './a.mjs'")
  const addresses = [a, b].map(each => parseBundle(bundleOf(each)!.bytes)!.map(({ address }) => address))
  expect(addresses[0]!.toSorted()).toEqual(addresses[1]!.toSorted())
})

it('bundleOf leaves alone packages, what is not there, and what cannot be read', async () => {
  await mkdir(join(folder, 'node_modules'))
  expect(bundleOf(file('node_modules/a.mjs', ''))).toBeUndefined()
  expect(bundleOf(pathToFileURL(join(folder, 'none.mjs')).href)).toBeUndefined()
  expect(bundleOf(file('broken.mjs', 'export default ('))).toBeUndefined()
  expect(bundleOf('node:fs')).toBeUndefined()
})
