import type { Encoder } from './encoder.ts'
import { Tag } from './tags.ts'

/** The symbols that every realm has, by name. */
export const WELL_KNOWN_SYMBOLS: ReadonlyMap<string, symbol> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap(name => {
    const value: unknown = Reflect.get(Symbol, name)
    return typeof value === 'symbol' ? [[name, value] as const] : []
  }),
)

const namesOfWellKnown = new Map([...WELL_KNOWN_SYMBOLS].map(([name, symbol]) => [symbol, name]))

/** Symbols travel when both ends have the same one: well-known, or registered with `Symbol.for`. */
export function encodeSymbol(encoder: Encoder, symbol: symbol): void {
  const wellKnown = namesOfWellKnown.get(symbol)
  const name = wellKnown ?? Symbol.keyFor(symbol)
  if (name === undefined)
    throw encoder.path.refuse(
      `${String(symbol)} exists in this process only`,
      `Register it: Symbol.for(${JSON.stringify(symbol.description ?? '')})`,
    )
  encoder.out.byte(wellKnown === undefined ? Tag.registeredSymbol : Tag.wellKnownSymbol)
  encoder.text(name)
}
