import { describe, expect, it } from 'vitest'
import { LostLinks } from '../../../../src/controller/state/lost-links.ts'

describe('LostLinks', () => {
  it('gives an engine up when one of its connections was waited for in vain', () => {
    const links = new LostLinks(() => 500)
    links.lost('a', 'task', 0)
    links.lost('a', 'mux', 100)
    links.lost('b', 'task', 200)
    expect(links.wakeAtMs).toBe(500)
    expect(links.overdue(499)).toEqual([])
    expect(links.overdue(500)).toEqual(['a'])
    links.forget('a')
    expect(links.wakeAtMs).toBe(700)
    expect(links.overdue(700)).toEqual(['b'])
  })

  it('waits for an engine no more when the last of its connections is back', () => {
    const links = new LostLinks(() => 500)
    links.lost('a', 'task', 0)
    links.lost('a', 'mux', 100)
    links.joined('a', 'task')
    expect([...links.engines()]).toEqual(['a'])
    expect(links.wakeAtMs).toBe(600)
    links.joined('a', 'mux')
    expect([...links.engines()]).toEqual([])
    expect(links.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('counts from the last loss, and takes no note of a connection that was never missed', () => {
    const links = new LostLinks(() => 500)
    links.joined('a', 'task')
    links.lost('a', 'task', 0)
    links.lost('a', 'task', 300)
    expect(links.wakeAtMs).toBe(800)
  })

  it('asks how long to wait whenever it matters: the answer may have changed', () => {
    let graceMs = 500
    const links = new LostLinks(() => graceMs)
    links.lost('a', 'task', 0)
    graceMs = 1500
    expect(links.wakeAtMs).toBe(1500)
    expect(links.overdue(1499)).toEqual([])
    expect(links.overdue(1500)).toEqual(['a'])
  })
})
