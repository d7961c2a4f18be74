import { inspect } from 'node:util'
import type { Namespace } from '../namespace.ts'
import { chainAround, chainBefore, type Found, member, memberNames } from './member-chain.ts'

const KEYWORDS =
  'async await break case catch class const continue debugger default delete do else export extends false finally for function if import in instanceof let new null return super switch this throw true try typeof undefined var void while yield'.split(
    ' ',
  )

/** Names that may stand at a place, and what part of the text they replace. */
export interface Completion {
  readonly matches: readonly string[]
  readonly start: number
  readonly end: number
}

/** Tells what names there are and what they hold, without running any of the user's code. */
export class Introspection {
  readonly #namespace: Namespace

  constructor(namespace: Namespace) {
    this.#namespace = namespace
  }

  /** Names that continue what is written before the cursor (a position in UTF-16 units). */
  complete(code: string, cursor: number): Completion {
    const chain = chainBefore(code.slice(0, cursor))
    if (chain === undefined) return { matches: [], start: cursor, end: cursor }
    const { holders, last } = chain
    const names = holders.length === 0 ? this.#topLevelNames() : this.#membersOf(holders)
    const matches = names.filter(name => name.startsWith(last) && (last !== '' || !name.startsWith('__')))
    return { matches, start: cursor - last.length, end: cursor }
  }

  /** A text that describes what the cursor stands on, or whose call it is in; undefined where that is nothing known. */
  describe(code: string, cursor: number): string | undefined {
    const chain = chainAround(code, cursor)
    if (chain === undefined || chain.last === '') return undefined
    const path = [...chain.holders, chain.last]
    const found = this.#resolve(path)
    return found === undefined ? undefined : describeValue(path.join('.'), found.value)
  }

  #topLevelNames(): string[] {
    return [...new Set([...this.#namespace.names(), ...KEYWORDS, ...memberNames(globalThis)])]
  }

  #membersOf(path: readonly string[]): string[] {
    const found = this.#resolve(path)
    return found === undefined ? [] : memberNames(found.value)
  }

  #resolve([first, ...rest]: readonly string[]): Found {
    let found: Found
    try {
      found = { value: this.#namespace.lookup(first!) }
    } catch {
      return undefined
    }
    for (const name of rest) {
      if (found === undefined) return undefined
      found = member(found.value, name)
    }
    return found
  }
}

function describeValue(path: string, value: unknown): string {
  if (typeof value !== 'function') return `${path}: ${typeName(value)}\n${inspect(value, { depth: 1 })}`
  const text = Function.prototype.toString.call(value)
  const kind = text.startsWith('class') ? 'class' : 'function'
  return `${path}: ${kind}\n${text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)} …` : text}`
}

/** A bundled library is one function too, and nobody wants to see all of it. */
const TEXT_MAX = 4000

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  const maker = member(value, 'constructor')?.value
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'object'
}
