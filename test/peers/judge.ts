/** Judges what the peer suite said: which numbers are good enough, and which failures have a reason. */

export interface Verdict {
  /** Why the run is not good enough; empty when it is. */
  readonly complaints: readonly string[]
  readonly excused: readonly Excuse[]
  /** Unsteady tests that have failed: they must pass when they are run again, alone. */
  readonly unsteady: readonly Excuse[]
}

export interface Excuse {
  /** As `module::test`. */
  readonly test: string
  readonly reason: string
}

/** Tests that fail with the original too. */
const ALLOWED: Readonly<Record<string, string>> = {
  'test_client::test_become_dask':
    'our controller starts no dask scheduler; the original fails too, by an option (ncores) that Debian’s distributed no longer has',
}

/** Tests that depend on moments, whatever the controller. */
const UNSTEADY: Readonly<Record<string, string>> = {
  'test_magics::test_cellpx_stream':
    'the stock client begins to show output a moment after it has sent the cell; of a line that comes in two pieces around that moment it shows the second',
}

/** Tests that pass with the original in Debian 12; a module that has fewer has lost some. */
const PASSES: Readonly<Record<string, number>> = {
  test_client: 45,
  test_view: 65,
  test_view_broadcast: 67,
  test_lbview: 19,
  test_asyncresult: 31,
  test_dependency: 5,
  test_executor: 5,
  test_remotefunction: 3,
  test_magics: 13,
  test_joblib: 3,
  test_cluster: 19,
}

const ROW = /^(test_\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +[\d.]+$/gm
const FAILED = /^ {2}(test_\w+::\S+) *(.*)$/gm

/**
 * @param said - the suite's output: a line a module, a table (module, tests, pass, fail, skip, xfail, seconds), and what failed.
 * @param modules - those that were to be run.
 */
export function judge(said: string, modules: readonly string[]): Verdict {
  const passed = new Map([...said.matchAll(ROW)].map(row => [row[1]!, Number(row[3])]))
  const failed = [...said.matchAll(FAILED)].map(row => ({ test: row[1]!, message: row[2]! }))
  const excused = excuses(failed, ALLOWED)
  const unsteady = excuses(failed, UNSTEADY)
  const complaints = failed
    .filter(({ test }) => !Object.hasOwn(ALLOWED, test) && !Object.hasOwn(UNSTEADY, test))
    .map(({ test, message }) => `${test} failed: ${message}`)
  for (const name of modules) {
    const passes = passed.get(name)
    const wanted = (PASSES[name] ?? 1) - unsteady.filter(({ test }) => test.startsWith(`${name}::`)).length
    if (passes === undefined) complaints.push(`${name} left no result`)
    else if (passes < wanted)
      complaints.push(`${name}: ${passes} tests passed, and ${wanted} do with the original`)
  }
  return { complaints, excused, unsteady }
}

function excuses(
  failed: readonly { readonly test: string }[],
  known: Readonly<Record<string, string>>,
): Excuse[] {
  return failed
    .filter(({ test }) => Object.hasOwn(known, test))
    .map(({ test }) => ({ test, reason: known[test]! }))
}

/** Whether the one test that was run again has passed. */
export function passedAlone(said: string): boolean {
  const rows = [...said.matchAll(ROW)]
  return rows.length === 1 && rows[0]![2] === '1' && rows[0]![3] === '1'
}
