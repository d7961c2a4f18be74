import { beforeEach, describe, expect, it } from 'vitest'
import { Adapt, type AdaptEffect } from '../../../../src/cluster/state/adapt.ts'

let machine: Adapt
beforeEach(() => {
  machine = new Adapt({ min: 1, max: 4, waitMs: 1000, idleMs: 5000, retryMs: 30_000 })
})

/** @param loads - of engines 0, 1, and so on. */
function see(atMs: number, unassigned: number, ...loads: readonly number[]): AdaptEffect[] {
  const engines = loads.map((load, id) => ({ id, load, completed: 0 }))
  return machine.handle({ type: 'seen', unassigned, engines }, atMs)
}

const changed = (): AdaptEffect[] => machine.handle({ type: 'changed' }, 0)

describe('Adapt', () => {
  it('adds an engine for each task that has waited long enough, and no more than there may be', () => {
    expect(see(0, 9, 1)).toEqual([])
    expect(see(999, 2, 1)).toEqual([])
    expect(see(1000, 2, 1)).toEqual([{ type: 'add_engines', n: 2 }])
    changed()
    expect(see(1500, 9, 1, 1, 1)).toEqual([])
    expect(see(2500, 9, 1, 1, 1)).toEqual([{ type: 'add_engines', n: 1 }])
    changed()
    see(3000, 9, 1, 1, 1, 1)
    expect(see(9000, 9, 1, 1, 1, 1)).toEqual([])
  })

  it('begins to count anew when nothing waited in between', () => {
    see(0, 1, 1)
    see(600, 0, 1)
    see(900, 1, 1)
    expect(see(1500, 1, 1)).toEqual([])
    expect(see(1900, 1, 1)).toEqual([{ type: 'add_engines', n: 1 }])
  })

  it('ends the highest of the engines that had nothing to do, down to the fewest', () => {
    see(0, 0, 0, 0, 1, 0)
    expect(see(4999, 0, 0, 0, 0, 0)).toEqual([])
    expect(see(5000, 0, 0, 0, 0, 0)).toEqual([{ type: 'end_engines', ids: [3, 1, 0] }])
    changed()
    expect(see(99_000, 0, 0)).toEqual([])
  })

  it('keeps an engine that has done something between two looks', () => {
    const look = (atMs: number, completed: number, ids = [0]): AdaptEffect[] => {
      const engines = ids.map(id => ({ id, load: 0, completed: id === 0 ? completed : 0 }))
      return machine.handle({ type: 'seen', unassigned: 0, engines }, atMs)
    }
    machine = new Adapt({ min: 0, max: 4, waitMs: 1000, idleMs: 5000, retryMs: 30_000 })
    look(0, 0, [0, 1])
    look(2500, 1, [0, 1])
    expect(look(5000, 2, [0, 1])).toEqual([{ type: 'end_engines', ids: [1] }])
    changed()
    expect(look(7500, 2)).toEqual([])
    expect(look(12_500, 2)).toEqual([{ type: 'end_engines', ids: [0] }])
  })

  it('keeps idle engines while something waits', () => {
    see(0, 0, 0, 0)
    expect(see(5500, 1, 0, 0)).toEqual([])
  })

  it('adds what is missing to the fewest at once', () => {
    expect(see(0, 0)).toEqual([{ type: 'add_engines', n: 1 }])
  })

  it('makes one change at a time', () => {
    see(0, 3, 1)
    expect(see(1000, 3, 1)).toHaveLength(1)
    expect(see(9000, 3, 1)).toEqual([])
    changed()
    see(9001, 3, 1)
    expect(see(10_001, 3, 1)).toHaveLength(1)
  })

  it('waits after a change that failed', () => {
    see(0, 3, 1)
    see(1000, 3, 1)
    machine.handle({ type: 'change_failed' }, 2000)
    see(2001, 3, 1)
    expect(see(31_999, 3, 1)).toEqual([])
    expect(see(32_000, 3, 1)).toHaveLength(1)
  })
})
