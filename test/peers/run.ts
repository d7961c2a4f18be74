/**
 * ipyparallel's own tests, as Debian ships them, against our controller: `npm run test:peers [-- module…]`.
 *
 * The tests start `ipcontroller` of ours in the place of theirs, and real Python engines. The runner that exchanges the
 * two lies beside the project, in `../shared/peer-suite`, or where $ITSPARALLEL_PEER_SUITE says.
 */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { DEBIAN_PYTHON } from '../support/needs.ts'
import { judge, passedAlone, type Verdict } from './judge.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const suite = process.env.ITSPARALLEL_PEER_SUITE ?? join(root, '..', 'shared', 'peer-suite')
const controller = `${process.execPath} ${join(root, 'dist', 'cli', 'ipcontroller.js')}`
const PYTHON_MODULES = ['ipyparallel.tests', 'pytest', 'pytest_asyncio', 'joblib', 'testpath']
/** What speaks to a controller over the wire only, and the tests of Python's launcher, which starts ours there. */
const MODULES = [
  'test_client',
  'test_view',
  'test_view_broadcast',
  'test_lbview',
  'test_asyncresult',
  'test_dependency',
  'test_executor',
  'test_remotefunction',
  'test_magics',
  'test_joblib',
  'test_cluster',
]

/** What is missing for a run; undefined when nothing is. */
function missing(): string | undefined {
  if (!existsSync(join(suite, 'run.sh'))) return `${join(suite, 'run.sh')} is not there`
  const probe = `import ${PYTHON_MODULES.join(', ')}`
  if (spawnSync(DEBIAN_PYTHON, ['-c', probe], { stdio: 'ignore' }).status === 0) return undefined
  return `${DEBIAN_PYTHON} lacks one of ${PYTHON_MODULES.join(', ')}`
}

/** Runs the suite, showing what it says as it comes. */
async function run(modules: readonly string[], pytestArgs = ''): Promise<string> {
  const child = spawn('bash', [join(suite, 'run.sh'), '--spawn', controller, ...modules], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHON: DEBIAN_PYTHON, PYTHONDONTWRITEBYTECODE: '1', PYTEST_ARGS: pytestArgs },
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    process.stdout.write(text)
  })
  await new Promise(resolve => child.once('close', resolve))
  return said
}

/** Runs unsteady tests that have failed again, each alone. @returns complaints about those that fail again. */
async function tryAgain({ unsteady }: Verdict): Promise<string[]> {
  const complaints: string[] = []
  for (const { test, reason } of unsteady) {
    const [module = '', name = ''] = test.split('::')
    console.log(`unsteady, so run again: ${test}: ${reason}`)
    if (!passedAlone(await run([module], `-k ${name}`))) complaints.push(`${test} failed twice`)
  }
  return complaints
}

function report({ excused }: Verdict, complaints: readonly string[]): void {
  for (const { test, reason } of excused) console.log(`allowed to fail: ${test}: ${reason}`)
  for (const complaint of complaints) console.error(`peers: ${complaint}`)
  if (complaints.length > 0) process.exitCode = 1
  else console.log('peers: as with the original')
}

const lack = missing()
if (lack !== undefined) {
  const isRequired = process.env.ITSPARALLEL_REQUIRE_ALL === '1'
  console.error(`peers: ${isRequired ? 'required, but' : 'skipped:'} ${lack}`)
  process.exitCode = isRequired ? 1 : 0
} else {
  const chosen = process.argv.slice(2)
  const modules = chosen.length === 0 ? MODULES : chosen
  const verdict = judge(await run(modules), modules)
  report(verdict, [...verdict.complaints, ...(await tryAgain(verdict))])
}
