import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { codeNames, root, tableRows } from '../support/documents.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

describeNeeds('docs/ipyparallel.md beside the real ipyparallel', ['ipyparallel'], () => {
  it('leaves no public name of it out, and invents none', { timeout: 60_000 }, () => {
    const script = `${root}test/fixtures/docs/public_names.py`
    const text = execFileSync(DEBIAN_PYTHON, [script], { encoding: 'utf8', timeout: 50_000 })
    const names: string[] = JSON.parse(text).names
    const listed = tableRows('ipyparallel.md').flatMap(([theirs]) => codeNames(theirs!))
    expect(names.filter(name => !listed.includes(name))).toEqual([])
    expect(listed.filter(name => !names.includes(name))).toEqual([])
  })
})
