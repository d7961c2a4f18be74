import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Seeds within which every bug must be found. */
const SEEDS = 300
const TIMEOUT_MS = 90_000

let folder: string

beforeAll(async () => {
  // Among the packages, so that it finds those that it uses.
  folder = await mkdtemp(join(root, 'node_modules', '.planted-bugs-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The simulator as one file, with a bug in one of its machines or with none. */
async function simulatorWith(bug: PlantedBug | undefined, name: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`)
  await build({
    entryPoints: [join(root, 'test/simulation/run.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        setup(plugins) {
          if (bug === undefined) return
          plugins.onLoad({ filter: new RegExp(`/src/${bug.file.replaceAll('.', '\\.')}$`) }, ({ path }) => {
            const source = readFileSync(path, 'utf8')
            if (source.split(bug.text).length !== 2)
              throw new Error(
                `the text to change is not in ${bug.file} exactly once: plant "${bug.name}" anew`,
              )
            return { contents: source.replace(bug.text, bug.instead), loader: 'ts' }
          })
        },
      },
    ],
  })
  return outfile
}

/** Runs it until something is wrong; the answer is what it then says. */
async function run(program: string, firstSeed = 1): Promise<string> {
  const { stdout, stderr } = await execa(
    process.execPath,
    [program, `--seed=${firstSeed}`, `--count=${SEEDS}`, '--until-failure'],
    { reject: false, timeout: TIMEOUT_MS, cwd: root },
  )
  return `${stdout}\n${stderr}`
}

describe('the simulator', () => {
  it.each(PLANTED_BUGS)('finds that $name', { timeout: TIMEOUT_MS }, async bug => {
    const said = await run(await simulatorWith(bug, String(PLANTED_BUGS.indexOf(bug))), bug.firstSeed)
    expect(said).toMatch(/^seed \d+: /m)
    expect(said).toContain('npm run simulate -- --seed=')
  })
})
