import { Op, type Pair } from './op.ts'

type Number = number & bigint

/** As a number of the kind of `like`. */
function truth(isTrue: boolean, like: Number): Number {
  const value = isTrue ? 1 : 0
  return (typeof like === 'bigint' ? BigInt(value) : value) as Number
}

/** Math.max and Math.min know no bigints. */
function larger(a: Number, b: Number): Number {
  if (a > b) return a
  return b
}

function smaller(a: Number, b: Number): Number {
  if (a < b) return a
  return b
}

/** The operations that MPI predefines. */
export const PREDEFINED = {
  MAX: Op.predefine('MAX', larger),
  MIN: Op.predefine('MIN', smaller),
  SUM: Op.predefine('SUM', (a: Number, b: Number) => a + b),
  PROD: Op.predefine('PROD', (a: Number, b: Number) => a * b),
  LAND: Op.predefine('LAND', (a: Number, b: Number) => truth(Boolean(a) && Boolean(b), a)),
  BAND: Op.predefine('BAND', (a: Number, b: Number) => a & b),
  LOR: Op.predefine('LOR', (a: Number, b: Number) => truth(Boolean(a) || Boolean(b), a)),
  BOR: Op.predefine('BOR', (a: Number, b: Number) => a | b),
  LXOR: Op.predefine('LXOR', (a: Number, b: Number) => truth(Boolean(a) !== Boolean(b), a)),
  BXOR: Op.predefine('BXOR', (a: Number, b: Number) => a ^ b),
  /** On pairs of a value and an index: the smallest value, and of equal ones the one with the smallest index. */
  MINLOC: Op.onPairs('MINLOC', (a, b) => (a[0] < b[0] || (a[0] === b[0] && a[1] <= b[1]) ? a : b)),
  MAXLOC: Op.onPairs('MAXLOC', (a, b) => (a[0] > b[0] || (a[0] === b[0] && a[1] <= b[1]) ? a : b)),
} as const satisfies Record<string, Op>

export type { Pair }
