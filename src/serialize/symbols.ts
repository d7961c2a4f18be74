import { randomUUID } from 'node:crypto'
import type { Encoder } from './encoder.ts'
import { LruMap } from './lru-map.ts'
import { Tag } from './tags.ts'

/** The symbols that every realm has, by name. */
export const WELL_KNOWN_SYMBOLS: ReadonlyMap<string, symbol> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap(name => {
    const value: unknown = Reflect.get(Symbol, name)
    return typeof value === 'symbol' ? [[name, value] as const] : []
  }),
)

const namesOfWellKnown = new Map([...WELL_KNOWN_SYMBOLS].map(([name, symbol]) => [symbol, name]))

/** Symbols of a process's own, by names that are theirs alone wherever they go; the oldest are forgotten. */
const NAMED_MAX = 10_000
const named = new LruMap<string, symbol>(NAMED_MAX)
const names = new LruMap<symbol, string>(NAMED_MAX)
const prefix = randomUUID()
let count = 0

/**
 * Writes a symbol: by name where both ends have it, well-known or registered. Of others, the other end makes one with
 * the same description, and it stays the same one for both from then on.
 */
export function encodeSymbol(encoder: Encoder, symbol: symbol): void {
  const wellKnown = namesOfWellKnown.get(symbol)
  const name = wellKnown ?? Symbol.keyFor(symbol)
  if (name !== undefined) {
    encoder.out.byte(wellKnown === undefined ? Tag.registeredSymbol : Tag.wellKnownSymbol)
    encoder.text(name)
    return
  }
  let own = names.get(symbol)
  if (own === undefined) {
    own = `${prefix} ${count++}`
    remember(own, symbol)
  }
  encoder.out.byte(Tag.ownSymbol)
  encoder.text(own)
  encoder.value(symbol.description)
}

/** The symbol of that name. */
export function ownSymbol(name: string, description: unknown): symbol {
  const known = named.get(name)
  if (known !== undefined) return known
  const made = Symbol(typeof description === 'string' ? description : undefined)
  remember(name, made)
  return made
}

function remember(name: string, symbol: symbol): void {
  named.set(name, symbol)
  names.set(symbol, name)
}
