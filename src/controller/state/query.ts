/**
 * Queries over task records, in the form of MongoDB that the original speaks: `{field: value}` or
 * `{field: {$op: value}}`, all of which must hold. Decides which records match, with the meaning that the operators are
 * meant to have; the original's in-memory database mistakes `$gt` for `$lt` and compares all plain fields with the last.
 */

import { isoDateMicros } from './iso-date.ts'
import { keyError } from './wire-error.ts'

export type Fields = Readonly<Record<string, unknown>>

export type Matcher = (record: Fields) => boolean

type Test = (value: unknown) => boolean

/** @throws WireError for an operator that does not exist. */
export function compileQuery(query: Fields): Matcher {
  const tests = Object.entries(query).map(
    ([field, condition]) => [field, compileCondition(condition)] as const,
  )
  return record => tests.every(([field, test]) => test(record[field] ?? null))
}

function compileCondition(condition: unknown): Test {
  if (!isOperatorObject(condition)) return value => equals(value, condition)
  const tests = Object.entries(condition).map(([name, operand]) => {
    const make = operators.get(name)
    if (make === undefined) throw keyError(name)
    return make(operand)
  })
  return value => tests.every(test => test(value))
}

function isOperatorObject(condition: unknown): condition is Fields {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) return false
  return Object.keys(condition).some(key => key.startsWith('$'))
}

const operators: ReadonlyMap<string, (operand: unknown) => Test> = new Map<
  string,
  (operand: unknown) => Test
>([
  ['$eq', operand => value => equals(value, operand)],
  ['$ne', operand => value => !equals(value, operand)],
  ['$lt', operand => value => ordered(value, operand, (a, b) => a < b)],
  ['$lte', operand => value => ordered(value, operand, (a, b) => a <= b)],
  ['$gt', operand => value => ordered(value, operand, (a, b) => a > b)],
  ['$gte', operand => value => ordered(value, operand, (a, b) => a >= b)],
  ['$in', operand => isOneOf(operand)],
  ['$nin', operand => not(isOneOf(operand))],
  ['$all', operand => value => list(operand).every(item => list(value).some(own => equals(own, item)))],
  ['$mod', operand => value => hasRemainder(value, operand)],
  ['$exists', operand => value => (value !== null) === Boolean(operand)],
  ['$glob', operand => glob(operand)],
])

/** A list of ids is the most frequent query there is: looked up, not searched. */
function isOneOf(operand: unknown): Test {
  const items = list(operand)
  if (items.every(item => typeof item === 'string')) {
    const set = new Set<unknown>(items)
    if (!items.some(item => isoDateMicros(item) !== undefined)) return value => set.has(value)
  }
  return value => items.some(item => equals(value, item))
}

function not(test: Test): Test {
  return value => !test(value)
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === null || value === undefined ? [] : [value]
}

/** Dates are compared as times and not as text. */
function comparable(value: unknown): unknown {
  return typeof value === 'string' ? (isoDateMicros(value) ?? value) : value
}

function equals(a: unknown, b: unknown): boolean {
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) return sameJson(a, b)
  return a === b || comparable(a) === comparable(b)
}

function sameJson(a: object, b: object): boolean {
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(key => Object.hasOwn(b, key) && equals((a as Fields)[key], (b as Fields)[key]))
}

function ordered(
  value: unknown,
  operand: unknown,
  compare: (a: number | string, b: number | string) => boolean,
): boolean {
  const a = comparable(value)
  const b = comparable(operand)
  if (typeof a === 'number' && typeof b === 'number') return compare(a, b)
  return typeof a === 'string' && typeof b === 'string' && compare(a, b)
}

function hasRemainder(value: unknown, operand: unknown): boolean {
  if (!Array.isArray(operand) || typeof value !== 'number') return false
  const [divisor, remainder] = operand as unknown[]
  if (typeof divisor !== 'number' || typeof remainder !== 'number' || divisor === 0) return false
  // As in Python, the remainder has the sign of the divisor.
  return (((value % divisor) + divisor) % divisor || 0) === remainder
}

/** Python's fnmatch: `*`, `?`, `[abc]`, `[!abc]`. Walked by hand, so that no pattern can take long. */
function glob(operand: unknown): Test {
  if (typeof operand !== 'string') return () => false
  const parts = globParts(operand)
  return value => typeof value === 'string' && globMatches(parts, [...value])
}

type GlobPart = 'any' | ((character: string) => boolean)

function globParts(pattern: string): GlobPart[] {
  const parts: GlobPart[] = []
  const characters = [...pattern]
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    const end = character === '[' ? characters.indexOf(']', characters[i + 1] === '!' ? i + 3 : i + 2) : -1
    if (character === '*') parts.push('any')
    else if (character === '?') parts.push(() => true)
    else if (end !== -1) {
      parts.push(characterClass(characters.slice(i + 1, end)))
      i = end
    } else parts.push(other => other === character)
  }
  return parts
}

function characterClass(body: readonly string[]): (character: string) => boolean {
  const negated = body[0] === '!'
  const members = negated ? body.slice(1) : body
  const has = (character: string): boolean => {
    for (let i = 0; i < members.length; i++) {
      const first = members[i]!
      const last = members[i + 1] === '-' && i + 2 < members.length ? members[i + 2]! : undefined
      if (last === undefined ? character === first : character >= first && character <= last) return true
      if (last !== undefined) i += 2
    }
    return false
  }
  return character => has(character) !== negated
}

function globMatches(parts: readonly GlobPart[], text: readonly string[]): boolean {
  let at = 0
  let part = 0
  let starPart = -1
  let starAt = 0
  while (at < text.length) {
    const test = parts[part]
    if (test === 'any') {
      starPart = part
      starAt = at
      part += 1
    } else if (test?.(text[at]!)) {
      at += 1
      part += 1
    } else if (starPart !== -1) {
      // Let the last star swallow one character more.
      starAt += 1
      at = starAt
      part = starPart + 1
    } else return false
  }
  while (parts[part] === 'any') part += 1
  return part === parts.length
}
