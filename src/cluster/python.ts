/** Which Python runs Python engines. */

import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { ConfigurationError } from '../errors.ts'

const PYTHON_VARIABLE = 'ITSPARALLEL_PYTHON'
const PROBE_MS = 10_000
/** Finds ipyparallel without importing it, which alone would take most of a second. */
const PROBE = 'import importlib.util as u, sys; sys.exit(u.find_spec("ipyparallel") is None)'

/**
 * The interpreter for Python engines: the one given, else that of `$ITSPARALLEL_PYTHON`, else the first `python3` on the
 * PATH that has ipyparallel.
 *
 * @throws ConfigurationError when there is none.
 */
export function findPython(given?: string): string {
  const named = namedPython(given)
  if (named !== undefined) {
    if (hasIpyparallel(named)) return named
    const where = given === undefined ? ` ($${PYTHON_VARIABLE})` : ''
    throw new ConfigurationError(
      `${named}${where} is no Python with ipyparallel: install ipyparallel for it, or name another`,
    )
  }
  const candidates = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(folder => folder !== '')
    .map(folder => join(folder, 'python3'))
  const found = [...new Set(candidates)].find(hasIpyparallel)
  if (found !== undefined) return found
  throw new ConfigurationError(
    `no python3 on the PATH has ipyparallel: install it (\`pip install ipyparallel\`), or name a Python that has it with --python or $${PYTHON_VARIABLE}`,
  )
}

/** The interpreter for Python engines on other hosts, unseen: as above, or else their own `python3`. */
export function namePython(given?: string): string {
  return namedPython(given) ?? 'python3'
}

function namedPython(given: string | undefined): string | undefined {
  return given ?? (process.env[PYTHON_VARIABLE] || undefined)
}

function hasIpyparallel(python: string): boolean {
  return spawnSync(python, ['-c', PROBE], { stdio: 'ignore', timeout: PROBE_MS }).status === 0
}
