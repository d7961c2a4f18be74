/**
 * A query's conditions that SQL can check exactly, as a filter that leaves out only rows that cannot match. All the rest,
 * and the last word on every row, is `compileQuery`'s.
 */

import { isoDateMicros } from '../state/iso-date.ts'
import type { Fields } from '../state/query.ts'

export interface SqlFilter {
  readonly where: string
  readonly values: readonly (string | number)[]
}

interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

const TEXT_COLUMNS = new Set(['msg_id', 'client_uuid', 'engine_uuid', 'queue', 'resubmitted'])
/** Columns that hold a date in microseconds, or null where the record has none that can be read. */
const DATE_COLUMNS = new Set(['submitted', 'completed'])

const COMPARISONS: Readonly<Record<string, string>> = {
  $eq: '=',
  $lt: '<',
  $lte: '<=',
  $gt: '>',
  $gte: '>=',
}

/** SQLite takes no more values than this in one statement; longer lists are left to `compileQuery`. */
const LIST_MAX = 10_000

export function sqlFilter(query: Fields): SqlFilter {
  const conditions = Object.entries(query).flatMap(([field, condition]) => conditionsOn(field, condition))
  return {
    where: ['1', ...conditions.map(({ sql }) => sql)].join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}

function conditionsOn(field: string, condition: unknown): Condition[] {
  const translate = TEXT_COLUMNS.has(field) ? onText : DATE_COLUMNS.has(field) ? onDate : undefined
  if (translate === undefined) return []
  const operators = typeof condition === 'string' ? { $eq: condition } : condition
  if (typeof operators !== 'object' || operators === null || Array.isArray(operators)) return []
  return Object.entries(operators).flatMap(([name, operand]) => translate(field, name, operand) ?? [])
}

/** Texts that are dates compare as times, which SQL cannot. */
function onText(column: string, name: string, operand: unknown): Condition | undefined {
  if (name === '$eq' && isPlainText(operand)) return { sql: `${column} = ?`, values: [operand] }
  if (name !== '$in' || !Array.isArray(operand) || operand.length > LIST_MAX) return undefined
  if (!operand.every(isPlainText)) return undefined
  return { sql: `${column} IN (${operand.map(() => '?').join(', ')})`, values: operand }
}

function onDate(column: string, name: string, operand: unknown): Condition | undefined {
  const micros = typeof operand === 'string' ? isoDateMicros(operand) : undefined
  const comparison = COMPARISONS[name]
  return micros === undefined || comparison === undefined
    ? undefined
    : { sql: `${column} ${comparison} ?`, values: [micros] }
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && isoDateMicros(value) === undefined
}
