import { describe, expect, it } from 'vitest'
import type { EngineId, EngineUuid } from '../../../../src/base/ids.ts'
import { Roster, type RosterEvent } from '../../../../src/client/state/roster.ts'

function list(engines: Record<number, string>, ask = 1): RosterEvent {
  const entries = Object.entries(engines).map(([id, uuid]) => [Number(id), uuid] as const)
  return { type: 'list', ask, engines: new Map(entries) as unknown as ReadonlyMap<EngineId, EngineUuid> }
}

function event(type: 'registered' | 'unregistered', id: number, uuid: string): RosterEvent {
  return { type, id: id as EngineId, uuid: uuid as EngineUuid }
}

const asked: RosterEvent = { type: 'list_asked', ask: 1 }
const askedAgain: RosterEvent = { type: 'list_asked', ask: 2 }

function run(roster: Roster, events: readonly RosterEvent[]): string[] {
  return events.flatMap(each => {
    const effects = roster.handle(each)
    roster.validate()
    return effects.map(({ type, id }) => `${type} ${id}`)
  })
}

describe('Roster', () => {
  it('Roster lists ids in ascending order', () => {
    const roster = new Roster()
    run(roster, [asked, list({ 10: 'k', 2: 'c' }), event('registered', 3, 'd')])
    expect(roster.ids).toEqual([2, 3, 10])
    expect(roster.uuidOf(3)).toBe('d')
    expect(roster.idOf('k')).toBe(10)
  })

  it('Roster does not revive an engine that left, when an older list names it', () => {
    const roster = new Roster()
    const events = [asked, event('unregistered', 0, 'a'), list({ 0: 'a', 1: 'b' })]
    expect(run(roster, events)).toEqual(['engine_joined 1'])
    expect(roster.ids).toEqual([1])
  })

  it('Roster keeps an engine that registered after the list was asked for', () => {
    const roster = new Roster()
    expect(run(roster, [asked, event('registered', 0, 'a'), list({})])).toEqual(['engine_joined 0'])
    expect(roster.ids).toEqual([0])
  })

  it('Roster drops engines that a later list lacks', () => {
    const roster = new Roster()
    run(roster, [asked, list({ 0: 'a', 1: 'b' })])
    expect(run(roster, [asked, list({ 1: 'b' })])).toEqual(['engine_left 0'])
    expect(roster.hasLeft(0)).toBe(true)
    expect(roster.idOf('a')).toBe(0)
  })

  it('Roster takes an engine under the number that a restarted controller gives it, and only there', () => {
    const roster = new Roster()
    run(roster, [asked, list({ 0: 'a', 1: 'b' })])
    expect(run(roster, [event('registered', 1, 'a')])).toEqual([
      'engine_left 1',
      'engine_left 0',
      'engine_joined 1',
    ])
    expect([roster.ids, roster.uuidOf(1), roster.idOf('a')]).toEqual([[1], 'a', 1])
    expect(run(roster, [event('registered', 0, 'b')])).toEqual(['engine_joined 0'])
    expect(run(roster, [asked, list({ 0: 'a', 1: 'b' })])).toEqual([
      'engine_left 1',
      'engine_left 0',
      'engine_joined 0',
      'engine_joined 1',
    ])
    expect([roster.uuidOf(0), roster.uuidOf(1)]).toEqual(['a', 'b'])
  })

  it('Roster takes a number that a restarted controller gives anew', () => {
    const roster = new Roster()
    run(roster, [asked, list({ 0: 'a' })])
    expect(run(roster, [asked, list({ 0: 'x' })])).toEqual(['engine_left 0', 'engine_joined 0'])
    expect(roster.uuidOf(0)).toBe('x')
    expect(roster.hasLeft(0)).toBe(false)
  })

  it('Roster holds each of two lists under way against what was known when it was asked for', () => {
    const roster = new Roster()
    const events = [asked, event('registered', 2, 'c'), askedAgain, list({}, 1), list({ 2: 'c' }, 2)]
    expect(run(roster, events)).toEqual(['engine_joined 2'])
    expect(run(roster, [asked, askedAgain, list({ 2: 'c' }, 2), list({}, 1)])).toEqual([])
    expect(roster.ids).toEqual([2])
  })

  it('Roster says nothing twice', () => {
    const roster = new Roster()
    const events = [event('registered', 0, 'a'), event('registered', 0, 'a'), asked, list({ 0: 'a' })]
    expect(run(roster, events)).toEqual(['engine_joined 0'])
    const gone = [event('unregistered', 0, 'a'), event('unregistered', 0, 'a')]
    expect(run(roster, gone)).toEqual(['engine_left 0'])
  })

  it('Roster takes an engine back that was wrongly taken for dead', () => {
    const roster = new Roster()
    const events = [event('registered', 0, 'a'), event('unregistered', 0, 'a'), event('registered', 0, 'a')]
    expect(run(roster, events)).toEqual(['engine_joined 0', 'engine_left 0', 'engine_joined 0'])
    expect(roster.ids).toEqual([0])
  })

  it('Roster takes an engine back from a list that was asked for since it left', () => {
    const roster = new Roster()
    run(roster, [event('registered', 0, 'a'), event('unregistered', 0, 'a')])
    expect(run(roster, [asked, list({ 0: 'a' })])).toEqual(['engine_joined 0'])
  })
})
