import { UsageError } from '../errors.ts'
import { type AnyFunction, Reference } from '../serialize/payload.ts'
import { type Decorator, depend } from './depend.ts'

/** Imports as the engine does: from its working directory. A function that travels would import from where it was written. */
const ENGINE_IMPORT = new Reference('specifier => import(specifier)')

/**
 * What a function needs on its engine: modules that can be imported there, and functions or classes that are defined
 * there under their names before it runs. Where a module cannot be imported the task goes to another engine, as with
 * `depend`.
 *
 * @param needs - names of modules (`'sharp'`, `'node:sqlite'`), found from the engine's working directory; functions and
 * classes with a name.
 * @throws UsageError for anything else.
 * @example
 * const shrink = requires('sharp')(async (file: string) => (await import('sharp')).default(file).resize(100).toBuffer())
 * await view.map(shrink, files)
 */
export function requires(...needs: (string | AnyFunction | AnyClass)[]): Decorator {
  const modules: string[] = []
  const definitions: [name: string, value: AnyFunction | AnyClass][] = []
  for (const need of needs) {
    if (typeof need === 'string' && need !== '') modules.push(need)
    else if (typeof need === 'function' && need.name !== '') definitions.push([need.name, need])
    else
      throw new UsageError(
        `requires takes names of modules, and functions that have a name; not ${describe(need)}`,
      )
  }
  return depend(requirements, modules, definitions, ENGINE_IMPORT as unknown as ImportModule)
}

type AnyClass = abstract new (...args: never[]) => unknown
type ImportModule = (specifier: string) => Promise<unknown>

/** Runs on the engine, and refers to nothing but its arguments. */
function requirements(
  modules: readonly string[],
  definitions: readonly (readonly [name: string, value: unknown])[],
  importModule: ImportModule,
): boolean | Promise<boolean> {
  for (const [name, value] of definitions) Object.assign(globalThis, { [name]: value })
  if (modules.length === 0) return true
  const imports = modules.map(specifier =>
    importModule(specifier).catch((error: unknown) => {
      const text = `the module ${specifier} cannot be imported (${error instanceof Error ? error.message : error})`
      throw Object.assign(new Error(text, { cause: error }), { name: 'UnmetDependency' })
    }),
  )
  return Promise.all(imports).then(() => true)
}

function describe(need: unknown): string {
  if (need === '') return 'an empty text'
  if (typeof need === 'function') return 'a function without one'
  return need === null ? 'null' : `a value of type ${typeof need}: name the module instead`
}
