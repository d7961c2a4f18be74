import vm from 'node:vm'
import { UsageError } from '../errors.ts'

/**
 * Names that the engine, and every library, cannot do without: whoever could declare them at top level would break the
 * engine for all. Names that Node adds (process, Buffer, setTimeout, fetch, …) are not among them: the engine imports
 * what it needs of those, so that `import { setTimeout } from 'node:timers/promises'` works as in any module.
 */
const INTRINSICS: ReadonlySet<string> = new Set([
  ...['Array', 'ArrayBuffer', 'Atomics', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'Boolean', 'DataView'],
  ...[
    'Date',
    'Error',
    'AggregateError',
    'EvalError',
    'RangeError',
    'ReferenceError',
    'SyntaxError',
    'TypeError',
  ],
  ...[
    'URIError',
    'Float32Array',
    'Float64Array',
    'Function',
    'Infinity',
    'Int8Array',
    'Int16Array',
    'Int32Array',
  ],
  ...[
    'Iterator',
    'JSON',
    'Map',
    'Math',
    'NaN',
    'Number',
    'Object',
    'Promise',
    'Proxy',
    'Reflect',
    'RegExp',
    'Set',
  ],
  ...[
    'SharedArrayBuffer',
    'String',
    'Symbol',
    'Uint8Array',
    'Uint8ClampedArray',
    'Uint16Array',
    'Uint32Array',
  ],
  ...[
    'WeakMap',
    'WeakRef',
    'WeakSet',
    'FinalizationRegistry',
    'globalThis',
    'undefined',
    'isNaN',
    'isFinite',
  ],
  ...['parseInt', 'parseFloat', 'eval'],
])

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u

const globals = globalThis as unknown as Record<string, unknown>

/** Whether user code must not declare `name` at top level. */
export function isReservedName(name: string): boolean {
  return INTRINSICS.has(name)
}

/**
 * The engine's lasting names: the properties of the global object, apart from those that were there before the user
 * came. Functions, cells and plain scripts all see them as ordinary variables.
 */
export class Namespace {
  /** What the global object held when the engine started, to be restored by `clear`. */
  readonly #baseline: ReadonlyMap<string, PropertyDescriptor>
  /** Names that V8 lets nobody delete (`var` of a plain script), and that were forgotten all the same. */
  readonly #forgotten = new Set<string>()
  readonly #expressions = new Map<string, vm.Script>()

  constructor() {
    this.#baseline = new Map(Object.entries(Object.getOwnPropertyDescriptors(globals)))
  }

  /**
   * The value of a name, or of any other expression in terms of names.
   *
   * @throws ReferenceError `x is not defined`; what else the expression throws.
   */
  lookup(name: string): unknown {
    if (Object.hasOwn(globals, name) && !this.#isForgotten(name)) return globals[name]
    if (this.#isForgotten(name)) throw new ReferenceError(`${name} is not defined`)
    let script = this.#expressions.get(name)
    if (script === undefined) {
      script = new vm.Script(`(${name}\n)`, { filename: '<name>' })
      if (this.#expressions.size >= 1000) this.#expressions.clear()
      this.#expressions.set(name, script)
    }
    return script.runInThisContext({ displayErrors: false })
  }

  /** @throws UsageError when `name` is no identifier, or one that nobody may take. */
  set(name: string, value: unknown): void {
    if (!IDENTIFIER.test(name))
      throw new UsageError(`${JSON.stringify(name)} cannot be a variable: it is no JavaScript identifier`)
    if (isReservedName(name)) throw new UsageError(reservedMessage(name))
    const isFixed = Object.getOwnPropertyDescriptor(globals, name)?.configurable === false
    if (isFixed) globals[name] = value
    else Object.defineProperty(globals, name, { value, writable: true, enumerable: true, configurable: true })
  }

  /** Makes sure that the names exist, so that strict code may assign them; those that do keep their values. */
  declare(names: Iterable<string>): void {
    for (const name of names) if (!Object.hasOwn(globals, name)) this.set(name, undefined)
  }

  /** Forgets a name. False when it is not the user's. */
  delete(name: string): boolean {
    if (!Object.hasOwn(globals, name) || this.#baseline.has(name) || this.#isForgotten(name)) return false
    this.#forget(name)
    return true
  }

  /** The user's names, in the order in which they came. */
  names(): string[] {
    return Object.keys(globals).filter(name => !this.#baseline.has(name) && !this.#isForgotten(name))
  }

  /** Forgets all names of the user's, and gives those of Node back their first values. */
  clear(): void {
    for (const name of this.names()) this.#forget(name)
    for (const [name, descriptor] of this.#baseline) {
      const now = Object.getOwnPropertyDescriptor(globals, name)
      if (now?.value !== descriptor.value || now?.get !== descriptor.get)
        Reflect.defineProperty(globals, name, descriptor)
    }
  }

  #forget(name: string): void {
    if (Reflect.deleteProperty(globals, name)) return
    globals[name] = undefined
    this.#forgotten.add(name)
  }

  #isForgotten(name: string): boolean {
    return this.#forgotten.size > 0 && this.#forgotten.has(name) && globals[name] === undefined
  }
}

export function reservedMessage(name: string): string {
  return `${name} cannot be redefined on an engine, which needs it itself: choose another name`
}
