import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError } from '../errors.ts'

/** Functions that import, by the name that each module shall have: `{ os: () => import('node:os') }`. */
export type Importers = Readonly<Record<string, () => Promise<unknown>>>

/** The modules that importers give. */
export type Modules<Imported extends Importers> = {
  -readonly [Name in keyof Imported]: Awaited<ReturnType<Imported[Name]>>
}

/** What is needed of a view. */
interface ImportingView {
  apply(fn: (importers: Importers) => Promise<void>, importers: Importers): PromiseLike<unknown>
  execute(code: string): PromiseLike<unknown>
}

/** @returns an object of modules for importers, an array of them for specifiers. */
export async function importBoth(
  view: ImportingView,
  what: readonly (string | Importers)[],
): Promise<unknown> {
  const [importers] = what
  if (typeof importers === 'object') {
    // Here first: what cannot be imported here is asked of nobody.
    const modules = await Promise.all(Object.values(importers).map(load => load()))
    await view.apply(bindModules, importers)
    return Object.fromEntries(Object.keys(importers).map((name, i) => [name, modules[i]]))
  }
  const specifiers = what.map(checkSpecifier)
  const names = new Map(specifiers.map(specifier => [moduleName(specifier), addressOf(specifier)]))
  if (names.size < specifiers.length)
    throw new UsageError(
      `two of the modules ${specifiers.join(', ')} would have the same name: name them yourself, as in view.syncImports({ name: () => import('…') })`,
    )
  const modules = await Promise.all([...names.values()].map(importHere))
  const statements = [...names].map(
    ([name, address]) => `import * as ${name} from ${JSON.stringify(address)}`,
  )
  await view.execute(statements.join('\n'))
  return modules
}

/** Runs on the engine: it travels as any function does, and refers to nothing but its argument. */
async function bindModules(importers: Importers): Promise<void> {
  const modules = await Promise.all(
    Object.entries(importers).map(async ([name, load]) => [name, await load()] as const),
  )
  // All of them first: either every name is bound, or none.
  Object.assign(globalThis, Object.fromEntries(modules))
}

function checkSpecifier(specifier: unknown): string {
  if (typeof specifier === 'string' && specifier !== '') return specifier
  throw new UsageError(`a module is named by a text such as 'node:os', not by ${String(specifier)}`)
}

/** A path means the same file on the engines, wherever they run: it is sent as an address. */
function addressOf(specifier: string): string {
  return /^\.{0,2}\//.test(specifier) ? pathToFileURL(resolve(specifier)).href : specifier
}

/** A package is looked for where this one lies, which is where the program's own are, and then from the working directory. */
async function importHere(address: string): Promise<unknown> {
  try {
    return await import(address)
  } catch (error) {
    const file = fromWorkingDirectory(address)
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND' || file === undefined) throw error
    return await import(pathToFileURL(file).href)
  }
}

function fromWorkingDirectory(specifier: string): string | undefined {
  try {
    return createRequire(resolve('here.js')).resolve(specifier)
  } catch {
    return undefined
  }
}

/** `node:os` is `os`, `./lib/shapes.js` is `shapes`, `cli-table3` is `cliTable3`. */
function moduleName(specifier: string): string {
  const last = specifier
    .split(/[/:]/)
    .at(-1)!
    .replace(/\.[cm]?[jt]s$/, '')
  const name = last.replace(
    /[^\p{L}\p{N}_$]+(.)?/gu,
    (_, next: string | undefined) => next?.toUpperCase() ?? '',
  )
  if (/^[\p{L}_$]/u.test(name)) return name
  throw new UsageError(
    `no name follows from ${specifier}: give one, as in view.syncImports({ name: () => import('${specifier}') })`,
  )
}
