/**
 * Moments and days as Python pickles them: `datetime.datetime` of ten bytes and perhaps a time zone, `datetime.date` of
 * four bytes.
 *
 * Source: CPython's Modules/_datetimemodule.c, `datetime_getstate` and `date_getstate`.
 */

import { type Node, PythonGlobal, PythonInstance, PythonTuple } from './nodes.ts'

type Fields = readonly [
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
]

/** What `datetime.datetime` makes a moment of, told in UTC. @param moment - of the years 1 to 9999. */
export function datetimeArguments(moment: Date): [packed: Buffer, zone: PythonInstance] {
  const packed = Buffer.alloc(10)
  packed.writeUInt16BE(moment.getUTCFullYear())
  const fields = [moment.getUTCMonth() + 1, moment.getUTCDate(), moment.getUTCHours()]
  packed.set([...fields, moment.getUTCMinutes(), moment.getUTCSeconds()], 2)
  packed.writeUIntBE(moment.getUTCMilliseconds() * 1000, 7, 3)
  const noOffset = call('timedelta', [0, 0, 0])
  return [packed, call('timezone', [noOffset])]
}

function call(name: string, args: Node[]): PythonInstance {
  return new PythonInstance('reduce', new PythonGlobal('datetime', name), new PythonTuple(args))
}

/** The moment; undefined where its zone means nothing here. Without a zone it is local time, here as in Python. */
export function readDatetime({ args }: PythonInstance): Date | undefined {
  const [packed, zone] = args.items
  if (!Buffer.isBuffer(packed) || packed.length !== 10) return undefined
  const fields = [
    packed.readUInt16BE(0),
    // The highest bit of the month says which of two equal hours in autumn it is.
    (packed[2]! & 0x7f) - 1,
    ...packed.subarray(3, 7),
    Math.floor(packed.readUIntBE(7, 3) / 1000),
  ] as const
  const [year, month, day, hour, minute, second, ms] = fields as unknown as Fields
  if (zone === undefined) {
    const local = new Date(2000, month, day, hour, minute, second, ms)
    local.setFullYear(year, month, day)
    return local
  }
  const offsetMs = zoneOffsetMs(zone)
  return offsetMs === undefined ? undefined : new Date(utcMs(fields as unknown as Fields) - offsetMs)
}

/** A day, as JavaScript reads `2020-01-02`: its midnight in UTC. */
export function readDate({ args }: PythonInstance): Date | undefined {
  const [packed] = args.items
  if (!Buffer.isBuffer(packed) || packed.length !== 4) return undefined
  return new Date(utcMs([packed.readUInt16BE(0), packed[2]! - 1, packed[3]!, 0, 0, 0, 0]))
}

/** `Date.UTC` takes the years 0 to 99 for those of the twentieth century. */
function utcMs([year, month, day, hour, minute, second, ms]: Fields): number {
  const moment = new Date(Date.UTC(2000, month, day, hour, minute, second, ms))
  return moment.setUTCFullYear(year, month, day)
}

/** Of `datetime.timezone(timedelta(days, seconds))`; zones that know summer from winter are not ours to know. */
function zoneOffsetMs(zone: Node): number | undefined {
  if (!(zone instanceof PythonInstance) || zone.makerName !== 'datetime:timezone') return undefined
  const [offset] = zone.args.items
  if (!(offset instanceof PythonInstance) || offset.makerName !== 'datetime:timedelta') return undefined
  const [days = 0, seconds = 0] = offset.args.items
  if (typeof days !== 'number' || typeof seconds !== 'number') return undefined
  return (days * 86_400 + seconds) * 1000
}
