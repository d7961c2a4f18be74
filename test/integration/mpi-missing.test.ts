/** What MPI needs and is not there: one clear error, wherever it is met. */

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { Cluster } from 'itsparallel'
import { describe, expect, it } from 'vitest'
import type { ClusterWorld } from '../support/cluster-world.ts'
import { mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'
import { worldForEach } from '../support/world-for-each.ts'

const ENGINE = new URL('../../dist/cli/ipengine.js', import.meta.url).pathname
const MPI_MODULE = new URL('../../dist/mpi/index.js', import.meta.url).href
const WITHOUT_KOFFI = new URL('../fixtures/mpi/without-koffi.cjs', import.meta.url).pathname
const PROGRAM_MS = 30_000

const MISSING: readonly {
  readonly what: string
  readonly env: Record<string, string>
  readonly text: string
}[] = [
  {
    what: 'koffi',
    env: { NODE_OPTIONS: `--require=${WITHOUT_KOFFI}` },
    text: 'MPI needs the package koffi, which calls C libraries, and it is not installed or not for this system: run `npm install koffi`',
  },
  {
    what: 'an MPI library',
    env: { ITSPARALLEL_MPI_LIBRARY: '/no/such/libmpi.so' },
    text: "no MPI library could be loaded (tried /no/such/libmpi.so): install one, such as Debian's openmpi-bin or mpich, or name it in ITSPARALLEL_MPI_LIBRARY.",
  },
]

let world: ClusterWorld
worldForEach(fresh => {
  world = fresh
})

const families = mpiFamilies()

skipAloudWithout(families, 'what MPI lacks', 'neither openmpi-bin nor mpich is installed')

describe.each(families)('under $name', family => {
  const mpiexec = (args: readonly string[], env: Record<string, string>) =>
    promisify(execFile)(family.mpiexec, [...family.options, '-n', '2', process.execPath, ...args], {
      env: { ...world.env, ...env },
      timeout: PROGRAM_MS,
    })

  it.each(MISSING)(
    'a program ends at once and says that it lacks $what',
    async ({ env, text }) => {
      const source = `import { MPI } from '${MPI_MODULE}'; MPI.COMM_WORLD.barrier()`
      const failed = mpiexec(['--input-type=module', '--eval', source], env)
      const stderr = expect.stringContaining(`ConfigurationError: ${text}`)
      await expect(failed).rejects.toMatchObject({ stderr, killed: false })
    },
    PROGRAM_MS,
  )

  it.each(MISSING)(
    'engines end at once and say that they lack $what',
    async ({ env, text }) => {
      const file = join(world.ipythonDir, 'connection.json')
      writeFileSync(file, '{}')
      const failed = mpiexec([ENGINE, '--mpi', `--file=${file}`], env)
      const stderr = expect.stringContaining(`ipengine: ${text}`)
      await expect(failed).rejects.toMatchObject({ stderr, killed: false })
    },
    PROGRAM_MS,
  )

  it.each(MISSING)(
    'Cluster.start fails at once and says that the engines lack $what',
    async ({ env, text }) => {
      const mpi = { command: family.mpiexec, args: family.options }
      const failed = await Cluster.start({ engines: 'mpi', n: 2, mpi, env }).catch((error: unknown) => error)
      expect(failed).toMatchObject({
        code: 'ERR_SUBMIT',
        message: expect.stringContaining(`ipengine: ${text}`),
      })
      expect(world.commandLines()).toEqual([])
      expect(world.files()).toEqual([])
    },
    PROGRAM_MS,
  )

  it.skipIf(families.length < 2)(
    "a program says so when the library is another MPI's",
    async () => {
      const library = family.name === 'Open MPI' ? 'libmpich.so.12' : 'libmpi.so.40'
      const source = `import { MPI } from '${MPI_MODULE}'; MPI.COMM_WORLD.barrier()`
      const failed = mpiexec(['--input-type=module', '--eval', source], { ITSPARALLEL_MPI_LIBRARY: library })
      const stderr = expect.stringMatching(
        /ConfigurationError: mpiexec has started 2 processes, and the MPI library \(.*\) sees 1: it is another MPI's/,
      )
      await expect(failed).rejects.toMatchObject({ stderr, killed: false })
    },
    PROGRAM_MS,
  )
})
