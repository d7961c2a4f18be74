/** Modules that payloads import, by realm, once they are there. */

import { isBuiltin } from 'node:module'
import { RemoteProtocolError, SerializationError } from '../errors.ts'
import { namedModules } from './encode-import.ts'
import type { Realm } from './realm.ts'
import { withoutVersion } from './user-modules.ts'

const loaded = new WeakMap<Realm, Map<string, object>>()

function modulesOf(realm: Realm): Map<string, object> {
  let modules = loaded.get(realm)
  if (modules === undefined) {
    modules = new Map()
    loaded.set(realm, modules)
  }
  return modules
}

/** Loads what is not there yet; undefined when all is. */
export function loadModules(realm: Realm, specifiers: readonly string[]): Promise<unknown> | undefined {
  const modules = modulesOf(realm)
  const missing = specifiers.filter(specifier => !modules.has(specifier))
  if (missing.length === 0) return undefined
  return Promise.all(
    missing.map(async specifier => {
      checkSpecifier(realm, specifier)
      const address = realm.bundles === undefined ? withoutVersion(specifier) : specifier
      modules.set(specifier, (await realm.import(address)) as object)
    }),
  )
}

function checkSpecifier(realm: Realm, specifier: string): void {
  if (realm.guarded !== true || isBuiltin(specifier) || namedModules.has(specifier)) return
  throw new SerializationError(
    `the result holds something that imports ${specifier.slice(0, 200)}, which this program never named. ` +
      'Import it here first, or let the engine return data instead of functions.',
  )
}

/** What `import { name } from specifier` gives; `*` is the module itself. */
export function importedValue(realm: Realm, specifier: string, name: string): unknown {
  const module = modulesOf(realm).get(specifier) ?? builtin(specifier, name)
  if (module === undefined) throw new RemoteProtocolError(`a payload uses ${specifier} without announcing it`)
  if (name === '*') return module
  if (Object.hasOwn(module, name)) return Reflect.get(module, name)
  // A CommonJS module shows those exports only that a scan of its text found.
  const inner: unknown = Reflect.get(module, 'default')
  if (Object(inner) === inner && name in (inner as object)) return Reflect.get(inner as object, name)
  throw new SyntaxError(`the module ${specifier} has no export called ${name} here`)
}

/** Modules of node itself are there without waiting. */
function builtin(specifier: string, name: string): object | undefined {
  if (name === '*' || !specifier.startsWith('node:')) return undefined
  const module: unknown = process.getBuiltinModule(specifier)
  return Object(module) === module ? { default: module } : undefined
}
