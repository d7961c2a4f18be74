import { describe, expect, it } from 'vitest'
import { type Dependency, type Ended, readDependency } from '../../../../src/controller/state/dependency.ts'
import { DependencyProgress } from '../../../../src/controller/state/dependency-progress.ts'

const OUTCOMES: Readonly<Record<string, Ended>> = { ok: 'ok', ok2: 'ok', bad: 'failed' }

/** Where those of the ids that have an outcome ended, all on engine 3. */
function progress(ids: string[], conditions: object = {}): DependencyProgress {
  const dependency = readDependency({ dependencies: ids, ...conditions }) as Dependency
  const made = new DependencyProgress(dependency)
  for (const id of ids) if (OUTCOMES[id] !== undefined) made.ended(id, OUTCOMES[id], 3)
  return made
}

describe('[51] DependencyProgress', () => {
  it.each([
    ['all ended well', progress(['ok', 'ok2']), true, false],
    ['one still runs', progress(['ok', 'now']), false, false],
    ['one failed', progress(['ok', 'bad']), false, true],
    ['any: one ended well', progress(['ok', 'now'], { all: false }), true, false],
    ['any: one failed, one runs', progress(['bad', 'now'], { all: false }), false, false],
    ['any: all failed', progress(['bad'], { all: false }), false, true],
    ['failure: one failed', progress(['bad'], { success: false, failure: true }), true, false],
    ['failure: it ended well', progress(['ok'], { success: false, failure: true }), false, true],
    ['either: both ended', progress(['ok', 'bad'], { failure: true }), true, false],
  ] as const)('%s', (_name, { isMet, isUnreachable }, met, unreachable) => {
    expect({ isMet, isUnreachable }).toEqual({ isMet: met, isUnreachable: unreachable })
  })

  it('tells how many are open, where the wanted ones ended, and which one did not end as wanted', () => {
    const made = progress(['ok', 'ok2', 'bad', 'now', 'later'])
    made.ended('later', 'ok', undefined)
    expect(made).toMatchObject({ open: 1, nowhere: 1, firstUnwanted: 'bad' })
    expect([...made.engines]).toEqual([[3, 2]])
  })
})
