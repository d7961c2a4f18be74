import { existsSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { RemoteProtocolError } from '../errors.ts'
import {
  type BundledModule,
  isVersioned,
  type ModuleBundles,
  parseBundle,
  withoutVersion,
} from '../serialize/payload.ts'
import { REQUIRE } from './module-hooks.ts'

const WRAPPER_HEAD = '(function (exports, require, module, __filename, __dirname) { '
const PACKAGES = '/node_modules/'

/**
 * The user's modules that came with calls, by addresses that name their versions. ES modules are loaded by Node itself,
 * through hooks that find their text here (module-hooks.ts); CommonJS modules by a `require` of our own. There is one
 * instance of each address, however many functions import it, and its state lasts as long as the engine.
 *
 * Knows nothing of functions or payloads.
 */
export class BundledModules implements ModuleBundles {
  readonly #modules = new Map<string, BundledModule>()
  readonly #required = new Map<string, { exports: unknown }>()
  readonly #importFile: (address: string) => Promise<unknown>
  #port: MessagePort | undefined
  /** Settles when the hooks know of all that was added so far. */
  #known: Promise<unknown> = Promise.resolve()

  /** @param importFile - what `import()` does where the user's code stands. */
  constructor(importFile: (address: string) => Promise<unknown>) {
    this.#importFile = importFile
  }

  add(address: string, bundle: Buffer): void {
    if (this.#modules.has(address)) return
    const modules = parseBundle(bundle)
    if (modules?.some(module => module.address === address) !== true)
      throw new RemoteProtocolError('a payload brings a module that is none')
    const fresh = modules.filter(module => !this.#modules.has(module.address))
    for (const module of fresh) this.#modules.set(module.address, module)
    const port = this.#hooksPort()
    const before = this.#known
    const answered = new Promise(resolve => {
      port.ref()
      port.once('message', resolve)
    })
    port.postMessage(fresh)
    this.#known = Promise.all([before, answered]).finally(() => port.unref())
  }

  /** Imports a module that was added, a package, or any other file. */
  async import(address: string): Promise<unknown> {
    if (!isVersioned(address)) return await this.#importFile(whereItIs(address))
    if (!this.#modules.has(address)) return await this.#importFile(withoutVersion(address))
    await this.#known
    return await this.#importFile(address)
  }

  require(address: string): unknown {
    const known = this.#required.get(address)
    if (known !== undefined) return known.exports
    const module = this.#modules.get(address)
    if (module === undefined) throw new Error(`${withoutVersion(address)} did not come with the call`)
    const loaded = { exports: {} as unknown }
    if (module.format === 'module')
      throw new Error(`${withoutVersion(address)} is an ES module: import() it, as require() cannot here`)
    this.#required.set(address, loaded)
    try {
      if (module.format === 'json') loaded.exports = JSON.parse(module.source)
      else this.#run(module, loaded)
    } catch (error) {
      this.#required.delete(address)
      throw error
    }
    return loaded.exports
  }

  #run(module: BundledModule, loaded: { exports: unknown }): void {
    const file = fileURLToPath(withoutVersion(module.address))
    const script = new vm.Script(`${WRAPPER_HEAD}${module.source}\n})`, {
      filename: file,
      columnOffset: -WRAPPER_HEAD.length,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
    const wrapper = script.runInThisContext() as (...args: unknown[]) => void
    wrapper.call(loaded.exports, loaded.exports, this.#requireOf(module, file), loaded, file, dirname(file))
  }

  #requireOf({ imports }: BundledModule, file: string): NodeJS.Require {
    const there = createRequire(file)
    const require = (specifier: string): unknown => {
      if (Object.hasOwn(imports, specifier)) return this.require(imports[specifier]!)
      try {
        return there(specifier)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
        return createRequire(join(process.cwd(), 'engine'))(specifier)
      }
    }
    return Object.assign(require, there)
  }

  /** Most engines never see such a module: the hooks, and the thread in which they run, are started with the first. */
  #hooksPort(): MessagePort {
    if (this.#port !== undefined) return this.#port
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.setMaxListeners(0)
    Object.defineProperty(globalThis, Symbol.for(REQUIRE), {
      value: (address: string) => this.require(address),
      configurable: true,
    })
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    register(new URL(`./module-hooks.${extension}`, import.meta.url), {
      data: { port: port2, folder: pathToFileURL(join(process.cwd(), 'engine')).href },
      transferList: [port2],
    })
    return port1
  }
}

/** A package that lies elsewhere than in the program's own folder is looked for from the engine's folder up. */
function whereItIs(address: string): string {
  const at = address.lastIndexOf(PACKAGES)
  if (at === -1 || !address.startsWith('file:') || existsSync(fileURLToPath(address))) return address
  const file = decodeURIComponent(address.slice(at + PACKAGES.length))
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const here = join(folder, 'node_modules', file)
    if (existsSync(here)) return pathToFileURL(here).href
    if (folder === dirname(folder)) break
  }
  const [first = '', second = ''] = file.split('/')
  const name = first.startsWith('@') ? `${first}/${second}` : first
  throw new Error(
    `the package ${name}, which the function imports, is not installed where this engine runs: neither ` +
      `${fileURLToPath(address)} nor node_modules/${file} from ${process.cwd()} up is there. Install it there`,
  )
}
