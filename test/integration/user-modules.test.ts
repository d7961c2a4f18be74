/** A program in a folder of its own, whose modules change while it runs; the engine works in another folder. */

import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { RealCluster } from './client-support.ts'

const client = new URL('../../dist/client/client.js', import.meta.url).href
const acorn = fileURLToPath(new URL('../../node_modules/acorn', import.meta.url))
const fixture = fileURLToPath(new URL('../fixtures/serialize/edited', import.meta.url))

it('modules travel by content: edited ones anew, the others with the state that they have', async () => {
  await using cluster = await RealCluster.start(1)
  const folder = await mkdtemp(join(tmpdir(), 'program-'))
  try {
    await cp(fixture, folder, { recursive: true })
    await rename(join(folder, 'packages'), join(folder, 'node_modules'))
    await cp(acorn, join(folder, 'node_modules/acorn'), { recursive: true })
    const program = await execa(
      process.execPath,
      [join(folder, 'program.mjs'), client, cluster.connectionFile],
      { cwd: folder, timeout: 30_000 },
    )
    expect(JSON.parse(program.stdout)).toEqual({
      first: [0.05, 1],
      again: [0.05, 2],
      // The counter imports nothing that was edited, and counts on.
      edited: [0.07, 3],
      later: 'as it was',
      'later, edited': 'edited',
      'package beside the program': { from: 'the package' },
      'package that is loaded already': { from: 'the package' },
      'package of a module': expect.stringMatching(
        /not-anywhere, which file:.*needs\.mjs imports, is not there where this engine runs/,
      ),
      'the program itself': expect.stringMatching(
        /back\.mjs imports .\/program\.mjs, which is the program itself/,
      ),
      // The engine works in this repository, which has it as well.
      "package in the engine's folder": 1,
      'package that is missing': expect.stringMatching(
        /the package second-here, which the function imports, is not installed where this engine runs/,
      ),
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)
