/** The options of a controller's records, and the store that they ask for. */

import type { Command } from 'commander'
import type { Logger } from '../base/log.ts'
import { RECORDS_AGE_MAX_MS, recordsFilePath, sweepRecords } from '../config/records-file.ts'
import type { RecordStore } from '../controller/records/record-store.ts'
import { UsageError } from '../errors.ts'
import { parseInteger, parseNumber } from './options.ts'

export interface RecordsOptions {
  readonly records?: RecordsPlace
  readonly recordsFile?: string
  readonly recordsMax?: number
  readonly recordsMib?: number
  readonly recordsDays?: number
  /** Python's spellings. */
  readonly dictdb?: boolean
  readonly nodb?: boolean
  readonly sqlitedb?: boolean
}

type RecordsPlace = 'sql' | 'memory' | 'none'

const DAY_MS = 86_400_000
const MIB = 2 ** 20

/** @throws UsageError when it is no place for records. */
export function parseRecords(text: string): RecordsPlace {
  if (text === 'sql' || text === 'memory' || text === 'none') return text
  throw new UsageError(`--records=${text}: give sql (a database file), memory, or none`)
}

export function addRecordsOptions(command: Command): Command {
  return command
    .option(
      '--records <where>',
      'where results and requests are remembered: sql, memory or none (default: sql, in the profile)',
      parseRecords,
    )
    .option('--records-file <path>', 'database of the records (default: db/ipcontroller.db in the profile)')
    .option(
      '--records-max <count>',
      'how many records are kept (default: 100000; in memory 1024)',
      parseInteger('records-max', 1),
    )
    .option(
      '--records-mib <MiB>',
      'how much they may hold (default: 1024; in memory 256)',
      parseNumber('records-mib', 0.001),
    )
    .option(
      '--records-days <days>',
      'how long a database keeps them (default: 30)',
      parseNumber('records-days', 0),
    )
}

/** Opens the records that the options ask for. */
export async function openRecords(
  options: RecordsOptions,
  place: { readonly profileDir: string; readonly clusterId: string },
  log: Logger,
): Promise<RecordStore> {
  const { MemoryStore, NoStore } = await import('../controller/records/record-store.ts')
  const { recordsMax, recordsMib, recordsDays } = options
  const bytesMax = recordsMib === undefined ? undefined : recordsMib * MIB
  switch (placeOf(options)) {
    case 'none':
      return new NoStore()
    case 'memory':
      return new MemoryStore({ recordsMax, bufferBytesMax: bytesMax })
    case 'sql': {
      const { openSqlStore } = await import('../controller/records/sql-store.ts')
      const ageMaxMs = recordsDays === undefined ? RECORDS_AGE_MAX_MS : recordsDays * DAY_MS
      sweepRecords(place.profileDir, Date.now() - ageMaxMs)
      const path = options.recordsFile ?? recordsFilePath(place.profileDir, place.clusterId)
      return await openSqlStore({ path, recordsMax, bytesMax, ageMaxMs, log })
    }
  }
}

function placeOf({ records, dictdb, nodb, sqlitedb }: RecordsOptions): RecordsPlace {
  if (records !== undefined) return records
  if (nodb === true) return 'none'
  return dictdb === true && sqlitedb !== true ? 'memory' : 'sql'
}
