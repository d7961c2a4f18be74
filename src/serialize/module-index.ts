/** Modules of this process by the objects they export, so that a captured `os` or `readFile` travels as an import. */

import { builtinModules, createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'
import { isMainModule } from './script-imports.ts'

/** `import { name } from specifier`; the name `*` is the whole module. */
export interface ImportName {
  readonly specifier: string
  readonly name: string
}

/** Exports that are objects and not functions, and yet the same in every process. */
const NAMESPACE_EXPORTS = new Set(['promises', 'posix', 'win32', 'constants', 'strict', 'webcrypto', 'env'])
const publicBuiltins = new Set(builtinModules)

const builtins = new Map<unknown, ImportName>()
let loadedBuiltins = 0

function indexBuiltins(): void {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] }
  for (; loadedBuiltins < moduleLoadList.length; loadedBuiltins++) {
    const name = /^NativeModule (.+)$/.exec(moduleLoadList[loadedBuiltins] as string)?.[1]
    if (name !== undefined && publicBuiltins.has(name)) indexBuiltin(name)
  }
}

function indexBuiltin(name: string): void {
  const specifier = `node:${name}`
  const module: unknown = process.getBuiltinModule(specifier)
  if ((typeof module !== 'object' && typeof module !== 'function') || module === null) return
  const known = builtins.get(module)
  if (known === undefined || known.name !== 'default') builtins.set(module, { specifier, name: 'default' })
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    const value: unknown = key === 'promises' ? Reflect.get(module, key) : property.value
    const isNamespace = NAMESPACE_EXPORTS.has(key) && typeof value === 'object' && value !== null
    if ((typeof value === 'function' || isNamespace) && !builtins.has(value))
      builtins.set(value, { specifier, name: key })
  }
}

/** The builtin module, or export of one, that this object is; also in the wrappings that compilers put around it. */
export function builtinImport(value: object): ImportName | undefined {
  const { length } = (process as unknown as { readonly moduleLoadList: readonly string[] }).moduleLoadList
  if (length !== loadedBuiltins) indexBuiltins()
  const known = builtins.get(value)
  if (known !== undefined) return known
  const whole = wrappedModule(value, builtins)
  return whole === undefined ? undefined : { specifier: whole.specifier, name: '*' }
}

/** The module that a namespace object, `__importStar`, `__importDefault` or `__toESM` shows: its `default` says so. */
function wrappedModule(value: object, index: ReadonlyMap<unknown, ImportName>): ImportName | undefined {
  if (types.isProxy(value) || !Object.hasOwn(value, 'default')) return undefined
  const inner: unknown = Reflect.get(value, 'default')
  const module = index.get(inner)
  if (module?.name !== 'default') return undefined
  const same = Object.keys(value).every(
    key =>
      key === 'default' ||
      key === 'module.exports' ||
      Reflect.get(value, key) === Reflect.get(inner as object, key),
  )
  return same ? module : undefined
}

const required = new Map<unknown, ImportName>()
let requiredFiles = new Set<string>()

/** The CommonJS module that was loaded from a file, or export of one, that this object is. */
export function requiredImport(value: object, exceptFile: string): ImportName | undefined {
  indexRequired()
  const known = required.get(value) ?? wrappedRequired(value)
  return known === undefined || known.specifier === exceptFile ? undefined : known
}

function wrappedRequired(value: object): ImportName | undefined {
  const whole = wrappedModule(value, required)
  return whole === undefined ? undefined : { specifier: whole.specifier, name: '*' }
}

function indexRequired(): void {
  const { cache } = createRequire(import.meta.url)
  const files = Object.keys(cache)
  if (files.length === requiredFiles.size) return
  for (const file of files) {
    const module = cache[file]
    if (requiredFiles.has(file) || module === undefined || !module.loaded || !/\.(js|cjs|node)$/.test(file))
      continue
    if (isMainModule(file)) continue
    indexFile(pathToFileURL(file).href, module.exports)
  }
  requiredFiles = new Set(files)
}

function indexFile(specifier: string, exported: unknown): void {
  if ((typeof exported !== 'object' && typeof exported !== 'function') || exported === null) return
  if (types.isProxy(exported)) return
  if (!required.has(exported)) required.set(exported, { specifier, name: 'default' })
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(exported))) {
    if (typeof value === 'function' && !required.has(value)) required.set(value, { specifier, name })
  }
}
