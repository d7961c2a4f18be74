import { types } from 'node:util'

const NAME = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$]*`
/** `a.b.c` at the end of the text: the part before the last name, and the name. */
const CHAIN = new RegExp(`((?:${NAME}\\s*\\??\\.\\s*)*)(${NAME})?$`, 'u')
const NAMES = new RegExp(NAME, 'gu')
const REST_OF_NAME = /^[\p{ID_Continue}$]*/u

/** A chain of member accesses that ends at some place in source text. */
export interface MemberChain {
  /** Names before the last one. */
  readonly holders: readonly string[]
  /** The last name, as far as it is written; empty after a dot. */
  readonly last: string
}

/** What stands directly before the end of `text`; undefined where that is inside a number or behind a call. */
export function chainBefore(text: string): MemberChain | undefined {
  const match = CHAIN.exec(text)!
  const before = text.slice(0, match.index).trimEnd()
  // `f().x` and `1.x`: what is before the dot would have to be run.
  if (/[.\p{ID_Continue}$]$/u.test(before)) return undefined
  return { holders: [...match[1]!.matchAll(NAMES)].map(([name]) => name), last: match[2] ?? '' }
}

/** The chain that the cursor stands in, with its last name to the end; or that of the call whose brackets it is in. */
export function chainAround(text: string, cursor: number): MemberChain | undefined {
  const end = cursor + REST_OF_NAME.exec(text.slice(cursor))![0].length
  const chain = chainBefore(text.slice(0, end))
  if (chain !== undefined && chain.last !== '') return chain
  const bracket = openBracket(text.slice(0, cursor))
  return bracket === -1 ? undefined : chainBefore(text.slice(0, bracket).trimEnd())
}

/** Position of the last `(` that is not closed. */
function openBracket(text: string): number {
  let depth = 0
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ')') depth += 1
    else if (text[at] === '(' && depth-- === 0) return at
  }
  return -1
}

/** A value, where it could be found without running anything of the user's. */
export type Found = { readonly value: unknown } | undefined

/** The member of a value: getters are not run, nor the traps of proxies. */
export function member(holder: unknown, name: string): Found {
  if (holder === null || holder === undefined) return undefined
  for (const object of prototypes(holder)) {
    const property = Object.getOwnPropertyDescriptor(object, name)
    if (property !== undefined) return 'value' in property ? { value: property.value } : undefined
  }
  return undefined
}

/** Names of a value's members, its own first, those of each prototype in alphabetical order. */
export function memberNames(holder: unknown): string[] {
  if (holder === null || holder === undefined) return []
  const names = new Set<string>()
  for (const object of prototypes(holder))
    for (const name of Object.getOwnPropertyNames(object).sort()) if (isName(name)) names.add(name)
  return [...names]
}

function* prototypes(value: unknown): Iterable<object> {
  let object: object | null = Object(value) as object
  while (object !== null && !types.isProxy(object)) {
    yield object
    object = Object.getPrototypeOf(object) as object | null
  }
}

const WHOLE_NAME = new RegExp(`^${NAME}$`, 'u')

function isName(text: string): boolean {
  return WHOLE_NAME.test(text)
}
