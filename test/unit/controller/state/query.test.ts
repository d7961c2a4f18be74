import { describe, expect, it } from 'vitest'
import { isoDateMicros } from '../../../../src/controller/state/iso-date.ts'
import { compileQuery, type Fields } from '../../../../src/controller/state/query.ts'

const record: Fields = {
  msg_id: 's_1',
  engine_uuid: 'e',
  n: 7,
  tags: ['x', 'y'],
  started: '2026-11-22T08:00:00.500000Z',
  resubmitted: null,
  header: { session: 's', n: 1 },
}

describe('[34] compileQuery', () => {
  it.each<[Fields, boolean]>([
    [{}, true],
    [{ msg_id: 's_1' }, true],
    [{ msg_id: 's_2' }, false],
    [{ nowhere: null }, true],
    [{ msg_id: 's_1', engine_uuid: 'e' }, true],
    // The original compares both with the last value.
    [{ msg_id: 'e', engine_uuid: 'e' }, false],
    [{ n: { $lt: 8 } }, true],
    [{ n: { $lt: 7 } }, false],
    [{ n: { $lte: 7 } }, true],
    // The original takes this for $lt.
    [{ n: { $gt: 6 } }, true],
    [{ n: { $gt: 7 } }, false],
    [{ n: { $gte: 7 } }, true],
    [{ n: { $gt: 5, $lt: 6 } }, false],
    [{ n: { $ne: 7 } }, false],
    [{ n: { $eq: 7 } }, true],
    [{ n: { $mod: [4, 3] } }, true],
    [{ n: { $mod: [-4, -1] } }, true],
    [{ n: { $mod: [0, 0] } }, false],
    [{ n: { $mod: 4 } }, false],
    [{ msg_id: { $in: ['s_1', 's_2'] } }, true],
    [{ msg_id: { $in: [] } }, false],
    [{ msg_id: { $nin: ['s_2'] } }, true],
    [{ tags: { $all: ['y', 'x'] } }, true],
    [{ tags: { $all: ['y', 'z'] } }, false],
    [{ resubmitted: { $exists: false } }, true],
    [{ engine_uuid: { $exists: true } }, true],
    [{ resubmitted: { $lt: 3 } }, false],
    [{ started: { $lt: '2026-11-22T08:00:00.6Z' } }, true],
    [{ started: '2026-11-22T09:00:00.5+01:00' }, true],
    [{ started: { $in: ['2026-11-22T08:00:00.500Z'] } }, true],
    [{ header: { n: 1, session: 's' } }, true],
    [{ header: { n: 1 } }, false],
    [{ msg_id: { $glob: 's_*' } }, true],
    [{ msg_id: { $glob: '*1' } }, true],
    [{ msg_id: { $glob: 's?[0-3]' } }, true],
    [{ msg_id: { $glob: 's_[!1]' } }, false],
    [{ msg_id: { $glob: 's_[]1]' } }, true],
    [{ msg_id: { $glob: 's' } }, false],
    [{ msg_id: { $glob: `${'*a'.repeat(30)}` } }, false],
  ])('%j gives %j', (query, expected) => {
    expect(compileQuery(query)(record)).toBe(expected)
  })

  it('refuses an operator that does not exist', () => {
    expect(() => compileQuery({ n: { $near: 3 } })).toThrow("KeyError: '$near'")
  })
})

describe('isoDateMicros', () => {
  it.each([
    '1970-01-01T00:00:00Z',
    '2026-11-22T08:22:27.702Z',
    '2000-02-29T23:59:59.001Z',
    '1999-03-01T00:00:00Z',
  ])('counts %s as Date does', text => {
    expect(isoDateMicros(text)).toBe(Date.parse(text) * 1000)
  })

  it.each(['', 'now', '2026-11-22', '2026-11-22T08:22:27', '2026-11-22 08:22:27Z', 'x2026-11-22T08:22:27Z'])(
    'knows that %j is none',
    text => {
      expect(isoDateMicros(text)).toBeUndefined()
    },
  )
})
