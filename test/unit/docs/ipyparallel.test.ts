import { describe, expect, it } from 'vitest'
import * as itsparallel from '../../../src/index.ts'
import { codeNames, missingTests, namedTests, tableRows } from '../../support/documents.ts'

const rows = tableRows('ipyparallel.md').filter(([theirs]) => theirs!.startsWith('`'))
const REASON = /^(no place|not needed|Python only|not yet): \S/

describe('docs/ipyparallel.md', () => {
  it('gives each row a test or a reason', () => {
    expect(rows.length).toBeGreaterThan(80)
    const bare = rows.filter(
      ([, , shownBy = '']) => !REASON.test(shownBy) && namedTests(shownBy).length === 0,
    )
    expect(bare).toEqual([])
  })

  it('names tests that are there', () => {
    expect(rows.flatMap(([, , shownBy = '']) => missingTests(shownBy))).toEqual([])
  })

  it('names each thing of ipyparallel once', () => {
    const names = rows.flatMap(([theirs]) => codeNames(theirs!))
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('names members that our classes have', () => {
    const { Client, DirectView, LoadBalancedView, BroadcastView, AsyncResult, AsyncMapResult } = itsparallel
    const classes: Record<string, readonly { readonly prototype: object }[]> = {
      rc: [Client],
      dview: [DirectView],
      lview: [LoadBalancedView],
      bview: [BroadcastView],
      view: [DirectView, LoadBalancedView, BroadcastView],
      ar: [AsyncResult],
      amr: [AsyncMapResult],
    }
    const wrong = rows.flatMap(([, ours]) =>
      [...ours!.matchAll(/\b(rc|[dlb]?view|amr?|ar)\.(\w+)/g)]
        .filter(([, holder, member]) => !classes[holder!]!.every(({ prototype }) => member! in prototype))
        .map(([name]) => name),
    )
    expect(wrong).toEqual([])
  })

  it('names errors that there are', () => {
    const errors = rows
      .filter(([theirs]) => theirs!.startsWith('`error.'))
      .flatMap(([, ours]) => codeNames(ours!).filter(name => /^[A-Z]/.test(name)))
    expect(errors.filter(name => !(name in itsparallel))).toEqual([])
    expect(errors.length).toBeGreaterThan(9)
  })
})
