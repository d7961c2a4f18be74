import vm from 'node:vm'
import type { AnyFunction } from './callee.ts'
import type { WithheldParts } from './withheld.ts'

/** Where a piece of source text stands in the user's own file. Both offsets count from 0. */
export interface SourcePosition {
  /** Address or path of the file, as stack traces shall show it. */
  readonly filename: string
  /** Line of the text's first line; may be -1. Goes to `vm.Script` as it is. */
  readonly lineOffset: number
  /** Column of the text's first character. */
  readonly columnOffset: number
}

/** Modules that came with calls, by addresses that name their versions (user-modules.ts). */
export interface ModuleBundles {
  /** @throws RemoteProtocolError when it is no bundle. */
  add(address: string, bundle: Buffer): void
  /** Like `require`, of a module that was added. */
  require(address: string): unknown
}

/** The surroundings in which a payload is read: the only things that reading one can reach. */
export interface Realm {
  /** The value of a name, for `Reference`. @throws ReferenceError `x is not defined`. */
  lookup(name: string): unknown
  /** Evaluates an expression (always a function expression in brackets) in the global scope of the namespace. */
  evaluate(source: string, position?: SourcePosition): unknown
  /** Imports a module: `node:…`, or an absolute `file:` URL, which may name a version. */
  import(specifier: string): Promise<unknown>
  /** Where the user's modules are kept that come with calls; without it, they are imported by their file's address. */
  readonly bundles?: ModuleBundles
  /** What calls may withhold, because it was sent before. */
  readonly withheldParts?: WithheldParts
  /** The engine's built-in operations by name. */
  readonly operations?: ReadonlyMap<string, AnyFunction>
  /**
   * True where payloads are only read, never obeyed, as replies are by a client: a function in them is made only when
   * making it runs none of its code, and modules are imported only when this process named them itself.
   */
  readonly guarded?: boolean
}

/** This process itself, as a client reads replies. It has no names that a payload could look up. */
export const nodeRealm: Realm = {
  lookup(name) {
    throw new ReferenceError(`${name} is not defined`)
  },
  evaluate(source, position) {
    return vm.runInThisContext(source, {
      ...position,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
  },
  import: specifier => import(specifier),
  guarded: true,
}
