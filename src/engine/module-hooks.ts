/**
 * Node's module loader, taught to find the modules that came with calls. It runs in the thread that Node keeps for such
 * hooks, and is told of modules through a port before anybody imports them.
 */

import type { LoadHook, ResolveHook } from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import type { BundledModule } from '../serialize/payload.ts'

/** As in user-modules.ts; this thread loads nothing else of the package. */
const PROGRAM = 'program'

/** Under this symbol the main thread offers `require` for the modules that came with calls. */
export const REQUIRE = 'itsparallel.require'

const modules = new Map<string, BundledModule>()
let folder = ''

/** @param data.folder - an address in the engine's working directory. */
function initialize(data: { readonly port: MessagePort; readonly folder: string }): void {
  folder = data.folder
  data.port.on('message', (added: readonly BundledModule[]) => {
    for (const module of added) modules.set(module.address, module)
    data.port.postMessage('known')
  })
  data.port.unref()
}

const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (modules.has(specifier)) return { url: specifier, shortCircuit: true }
  const parent = modules.get(context.parentURL ?? '')
  if (parent === undefined) return await nextResolve(specifier, context)
  const file = parent.address.slice(0, parent.address.indexOf('?'))
  const target = Object.hasOwn(parent.imports, specifier) ? parent.imports[specifier]! : undefined
  if (target === PROGRAM)
    throw new Error(
      `${file} imports ${specifier}, which is the program itself and would run here: move what both need to a module of its own`,
    )
  if (target !== undefined) return { url: target, shortCircuit: true }
  try {
    return await nextResolve(specifier, { ...context, parentURL: file })
  } catch {
    // Its packages may be installed where the engine runs, and not where the program does.
  }
  try {
    return await nextResolve(specifier, { ...context, parentURL: folder })
  } catch (cause) {
    throw new Error(
      `${specifier}, which ${file} imports, is not there where this engine runs (${folder.replace(/engine$/, '')}): ` +
        'install it there, if it is a package',
      { cause },
    )
  }
}

const load: LoadHook = async (url, context, nextLoad) => {
  const module = modules.get(url)
  if (module === undefined) return await nextLoad(url, context)
  if (module.format === 'commonjs') return { format: 'module', source: wrapped(module), shortCircuit: true }
  return { format: module.format, source: module.source, shortCircuit: true }
}

/** A CommonJS module as an ES module: its exports, and those names that its text shows. */
function wrapped({ address, names }: BundledModule): string {
  const exported = names
    .filter(name => name !== 'default' && name !== '__esModule')
    .map(
      (name, i) =>
        `const _${i} = all?.[${JSON.stringify(name)}]; export { _${i} as ${JSON.stringify(name)} };`,
    )
  return [
    `const all = globalThis[Symbol.for(${JSON.stringify(REQUIRE)})](${JSON.stringify(address)});`,
    'export default all; export { all as "module.exports" };',
    ...exported,
  ].join('\n')
}

/** Node calls them, by these names. */
export { initialize, load, resolve }
