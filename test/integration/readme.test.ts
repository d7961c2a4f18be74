/** The programs of README.md run as they stand, and print what their comments say. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from '../support/documents.ts'
import { mpiFamilies } from '../support/mpi.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

const readme = await readFile(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, text]) => text!)
/** A block that imports begins a program, every other goes on with the one before it. */
const programs = blocks.join('\n').split(/^(?=import )/m)

function programWith(word: string): string {
  const [program, ...more] = programs.filter(text => text.includes(word))
  if (program === undefined || more.length > 0) throw new Error(`not one program of the README has ${word}`)
  return program
}

/** What the comments behind `console.log` say, and what the program prints; white space does not count. */
async function saidAndPrinted(program: string, env: NodeJS.ProcessEnv = {}): Promise<[string, string]> {
  const out = join(root, 'test/fixtures/docs/out')
  await mkdir(out, { recursive: true })
  const folder = await mkdtemp(join(out, 'readme-'))
  try {
    const file = join(folder, 'program.ts')
    await writeFile(file, program)
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], {
      cwd: root,
      env: { ...process.env, IPYTHONDIR: join(folder, 'ipython'), NO_COLOR: '1', ...env },
      timeout: 55_000,
    })
    const said = [...program.matchAll(/console\.log\(.*?\/\/ (.*)$/gm)].map(([, text]) => text!)
    return [said.join('').replace(/\s/g, ''), stdout.replace(/\s/g, '')]
  } finally {
    await rm(folder, { recursive: true })
  }
}

it('README.md: views, map and dependencies do what they say', { timeout: 60_000 }, async () => {
  const [said, printed] = await saidAndPrinted(programWith('lview'))
  expect(printed).toBe(said)
  expect(printed).toContain('[50,50,50,50]')
})

describeNeeds('README.md', ['ipyparallel', 'numpy'], () => {
  it('README.md: Python engines do what it says', { timeout: 60_000 }, async () => {
    const [said, printed] = await saidAndPrinted(programWith('python<'), {
      ITSPARALLEL_PYTHON: DEBIAN_PYTHON,
    })
    expect(printed).toBe(said)
  })
})

it.runIf(mpiFamilies().length > 0)('README.md: MPI does what it says', { timeout: 60_000 }, async () => {
  // What Open MPI wants of a small machine, and of whoever is root there.
  const [said, printed] = await saidAndPrinted(programWith('MPI.'), {
    OMPI_ALLOW_RUN_AS_ROOT: '1',
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
    OMPI_MCA_rmaps_base_oversubscribe: '1',
  })
  expect(printed).toBe(said)
})
