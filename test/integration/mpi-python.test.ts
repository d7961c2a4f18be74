/** JavaScript and Python in one MPI program: what mpi4py sends is what we receive. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { mpiFamilies } from '../support/mpi.ts'
import { DEBIAN_PYTHON, describeNeeds, skipAloudWithout } from '../support/needs.ts'

const fixture = (name: string) => new URL(`../fixtures/mpi/${name}`, import.meta.url).pathname
const PROGRAM_MS = 60_000
const RANKS = ['JavaScript', 'Python', 'JavaScript', 'Python']

// Debian's mpi4py stands on Open MPI.
const openMpi = mpiFamilies().filter(({ name }) => name === 'Open MPI')

skipAloudWithout(openMpi, 'JavaScript and Python in one MPI program', 'openmpi-bin is not installed')

describeNeeds('MPI with ranks in JavaScript and in Python', ['mpi4py', 'numpy'], () => {
  it.each(openMpi)(
    'exchanges and reduces every kind of element between them',
    async family => {
      const programs = {
        JavaScript: [process.execPath, '--import', 'tsx', fixture('together.ts')],
        Python: [DEBIAN_PYTHON, '-m', 'mpi4py', fixture('together.py')],
      }
      const args = RANKS.flatMap((language, rank) => [
        ...(rank === 0 ? family.options : [':']),
        ...['-n', '1', ...programs[language as 'Python']],
      ])
      const { stdout } = await promisify(execFile)(family.mpiexec, args, {
        env: { ...process.env, ITSPARALLEL_MPI_MIXED: '1' },
        timeout: PROGRAM_MS,
      })
      // Python writes a line and its end apart, and another's line may come in between.
      const said = [...stdout.matchAll(/rank \d in \w+ agrees/g)].map(([line]) => line)
      expect(said.sort()).toEqual(RANKS.map((language, rank) => `rank ${rank} in ${language} agrees`))
    },
    PROGRAM_MS + 10_000,
  )
})
