import { expect, it } from 'vitest'
import { missingTests, namedTests, tableRows } from '../../support/documents.ts'

const rows = tableRows('guarantees.md').filter(([promise]) => promise !== 'promise')

it('docs/guarantees.md names a test for each promise, or says that it is not shown yet', () => {
  expect(rows.length).toBeGreaterThan(20)
  const bare = rows.filter(
    ([, , shownBy = '']) => !/^not shown yet: \S/.test(shownBy) && namedTests(shownBy).length === 0,
  )
  expect(bare).toEqual([])
})

it('docs/guarantees.md names tests that are there', () => {
  expect(rows.flatMap(([, , shownBy = '']) => missingTests(shownBy))).toEqual([])
})
