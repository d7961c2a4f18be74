import type { AnyFunction } from '../serialize/payload.ts'
import { mapColumns } from './map-columns.ts'
import type { Namespace } from './namespace.ts'

type MapArguments = [
  fn: Parameters<typeof mapColumns>[0],
  columns: Parameters<typeof mapColumns>[1],
  goesOn?: boolean,
]

/**
 * What a request can call besides functions: agreed upon by clients and engines.
 *
 * @param current - the request that runs, of whatever kind; it is compared with itself only.
 */
export function engineOperations(
  namespace: Namespace,
  current: () => unknown,
): ReadonlyMap<string, AnyFunction> {
  const push = (values: Readonly<Record<string, unknown>>): void => {
    for (const [name, value] of Object.entries(values)) namespace.set(name, value)
  }
  const pull = (names: string | readonly string[]): unknown =>
    typeof names === 'string' ? namespace.lookup(names) : names.map(name => namespace.lookup(name))
  const map = (...[fn, columns, goesOn = false]: MapArguments) => {
    const mine = current()
    return mapColumns(fn, columns, goesOn, () => current() === mine)
  }
  return new Map<string, AnyFunction>([
    ['push', push],
    ['pull', pull],
    ['map', map],
    ['clear', () => namespace.clear()],
    ['names', () => namespace.names()],
    ['delete', (names: readonly string[]) => names.filter(name => namespace.delete(name)).length],
  ])
}
