import { describe, expect, it } from 'vitest'
import {
  type Node,
  PythonGlobal,
  PythonInstance,
  PythonTuple,
} from '../../../../src/serialize/pickle/nodes.ts'
import { datetimeArguments, readDate, readDatetime } from '../../../../src/serialize/pickle/python-dates.ts'

function instance(name: string, ...args: Node[]): PythonInstance {
  return new PythonInstance('reduce', new PythonGlobal('datetime', name), new PythonTuple(args))
}

const zone = (days: number, seconds: number): PythonInstance =>
  instance('timezone', instance('timedelta', days, seconds, 0))

describe('Python dates', () => {
  it.each([
    '0001-01-01T00:00:00.000Z',
    '0099-12-31T23:59:59.999Z',
    '2020-02-29T12:34:56.789Z',
    '9999-12-31T00:00:00.000Z',
  ])('readDatetime reads what datetimeArguments makes of %s', text => {
    const moment = new Date(text)
    expect(readDatetime(instance('datetime', ...datetimeArguments(moment)))).toEqual(moment)
  })

  it('datetimeArguments packs year, month, day, hour, minute, second and microseconds', () => {
    const [packed] = datetimeArguments(new Date('2020-01-02T03:04:05.006Z'))
    expect(packed.toString('hex')).toBe('07e40102030405001770')
  })

  it('readDatetime heeds the offset of its zone, which may lie a day back', () => {
    const packed = Buffer.from('07e40102030405000000', 'hex')
    expect(readDatetime(instance('datetime', packed, zone(0, 3600)))).toEqual(
      new Date('2020-01-02T02:04:05Z'),
    )
    expect(readDatetime(instance('datetime', packed, zone(-1, 82_800)))).toEqual(
      new Date('2020-01-02T04:04:05Z'),
    )
  })

  it('readDatetime takes a moment without a zone for local time, and not the fold for a month', () => {
    const folded = Buffer.from('07e48102030405000000', 'hex')
    expect(readDatetime(instance('datetime', folded))).toEqual(new Date(2020, 0, 2, 3, 4, 5))
  })

  it('readDatetime and readDate know nothing of other zones, and of bytes of another length', () => {
    const packed = Buffer.from('07e40102030405000000', 'hex')
    for (const other of ['UTC', instance('ZoneInfo', 'Europe/Berlin'), instance('timezone', 'x')])
      expect(readDatetime(instance('datetime', packed, other))).toBeUndefined()
    expect(readDatetime(instance('datetime', packed.subarray(1)))).toBeUndefined()
    expect(readDate(instance('date', packed))).toBeUndefined()
    expect(readDate(instance('date', 2020))).toBeUndefined()
  })

  it('readDate gives the midnight of a day in UTC', () => {
    expect(readDate(instance('date', Buffer.from('07e40102', 'hex')))).toEqual(new Date('2020-01-02'))
    expect(readDate(instance('date', Buffer.from('00630102', 'hex')))).toEqual(new Date('0099-01-02'))
  })
})
