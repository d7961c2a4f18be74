import { spawnSync } from 'node:child_process'
import { describe, it } from 'vitest'

/** Debian's own Python: the interpreter that Debian's packages belong to. */
export const DEBIAN_PYTHON = '/usr/bin/python3'

/** Whether Debian's Python can import every one of `modules`. */
function pythonHas(modules: readonly string[]): boolean {
  const imports = modules.map(name => `import ${name}`).join('; ')
  return spawnSync(DEBIAN_PYTHON, ['-c', imports], { stdio: 'ignore', timeout: 30_000 }).status === 0
}

/**
 * A `describe` for tests that talk to real Python peers. Where the modules are missing it is skipped and says so; with
 * ITSPARALLEL_REQUIRE_ALL=1 it fails instead, so that no gate takes a skipped test for a passed one.
 */
export function describeNeeds(title: string, modules: readonly string[], body: () => void): void {
  const present = pythonHas(modules)
  if (!present && process.env.ITSPARALLEL_REQUIRE_ALL === '1') {
    throw new Error(
      `${title}: ${DEBIAN_PYTHON} lacks ${modules.join(', ')}, and every test is required to run`,
    )
  }
  describe.skipIf(!present)(
    present ? title : `${title} (skipped: ${DEBIAN_PYTHON} lacks ${modules.join(', ')})`,
    body,
  )
}

/** Says that tests are skipped because they have nothing to run with; nothing where there is something. */
export function skipAloudWithout(means: readonly unknown[], title: string, lacking: string): void {
  if (means.length > 0) return
  describe.skipIf(means.length === 0)(`${title} (skipped: ${lacking})`, () => {
    it('is shown where they are', () => {})
  })
}
